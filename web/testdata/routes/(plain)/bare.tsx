import { define } from "../../site.ts";

export const access = { role: "anonymous", scope: "none", audit: null };
export const config = { skipAppWrapper: true };

export default define.page(() => <h1>Bare</h1>);
