import { LinkButton } from "../components/button.tsx";
import { ErrorState } from "../components/states.tsx";
import { publicError } from "./(_role)/answer_error.ts";
import { confirmCard } from "./(_factors)/confirm_card.tsx";
import { formText, localPath } from "./(_role)/form.ts";
import { define } from "./(_role)/state.ts";
import { consoleFrame } from "./(console)/(_components)/console_frame.tsx";

export default define.page(async ({ error, state, url, req }) => {
  const { message, hint, status, code } = publicError(error);
  const { viewer, request_id } = state;
  // Nothing that was typed is lost: it waits in the page that asks, and is sent once more afterwards.
  if (code === "confirmation_required" && viewer && req.method === "POST") {
    state.title = "Confirm that it is you";
    const again = { to: url.pathname + url.search, body: await formText(req) };
    return await confirmCard(state, url, { next: backOf(req, url), again, problem: null, why: message });
  }
  state.title = message;
  const back = `/login?next=${encodeURIComponent(req.method === "GET" ? url.pathname + url.search : "/")}`;
  const words = (
    <ErrorState
      page
      title={message}
      hint={hint}
      requestId={status >= 500 ? request_id : undefined}
      actions={
        <>
          {status >= 500 && req.method === "GET" && (
            <LinkButton kind="primary" icon="rotate-cw" href={url.pathname + url.search}>Try again</LinkButton>
          )}
          {status === 401
            ? <LinkButton kind="primary" href={back}>Sign in</LinkButton>
            : viewer?.session_kind === "wall"
            ? <LinkButton href="/dashboard">Back to the dashboard</LinkButton>
            : <LinkButton href="/hosts">Go to Hosts</LinkButton>}
        </>
      }
    />
  );
  // Somebody who is signed in stays in the product. The frame reads the database, which may be what has failed.
  if (viewer?.stage === "full" && !viewer.must_change_password && status < 500) {
    return await consoleFrame(state, url, words);
  }
  return <main class="content content-alone" id="content">{words}</main>;
});

/** The page that the form stands on, to go back to without doing it. */
function backOf(req: Request, url: URL): string {
  const from = URL.parse(req.headers.get("referer") ?? "");
  return from && from.host === url.host ? localPath(from.pathname + from.search) : "/";
}
