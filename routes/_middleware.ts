import { clientAddress } from "./(_middleware)/client_address.ts";
import { originGuard } from "./(_middleware)/origin_guard.ts";
import { requestId } from "./(_middleware)/request_id.ts";
import { requestLog } from "./(_middleware)/request_log.ts";
import { secretInAddress } from "./(_middleware)/secret_in_address.ts";
import { securityHeaders } from "./(_middleware)/security_headers.ts";
import { session } from "./(_middleware)/session.ts";

/** What every request passes, from the outside in. Body limits stand before all of it, in the listener. */
export default [requestId, requestLog, securityHeaders, clientAddress, originGuard, secretInAddress, session];
