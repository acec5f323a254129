import { LinkButton } from "../../../components/button.tsx";
import { PageHead } from "../../../components/page_head.tsx";
import ApiDocs from "../../../islands/api_docs.tsx";
import type { RouteAccess } from "../../../web/mod.ts";
import { define } from "../../(_role)/state.ts";

export const access = { role: "admin", scope: "none", audit: null } as const satisfies RouteAccess;

/** The API to read and to try out. What is tried here is done, with the rights of the session. */
export default define.page((ctx) => {
  ctx.state.title = "API";
  return (
    <>
      <PageHead
        title="API"
        state="What you try out here is really done, with your own rights, and stands in the audit log."
        actions={<LinkButton icon="download" href="/api/v1/openapi.json">OpenAPI as JSON</LinkButton>}
      />
      <noscript>
        <p>This page needs JavaScript. The description itself does not: open OpenAPI as JSON.</p>
      </noscript>
      <ApiDocs />
    </>
  );
});
