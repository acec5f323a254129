import { LinkButton } from "../components/button.tsx";
import { ErrorState } from "../components/states.tsx";
import { publicError } from "./(_role)/answer_error.ts";
import { define } from "./(_role)/state.ts";

export default define.page(({ error, state, url }) => {
  const { message, hint, status } = publicError(error);
  state.title = message;
  return (
    <main class="content" id="content">
      <ErrorState
        page
        title={message}
        hint={hint}
        requestId={status >= 500 ? state.request_id : undefined}
        actions={
          <>
            {status >= 500 && (
              <LinkButton kind="primary" icon="rotate-cw" href={url.pathname + url.search}>Try again</LinkButton>
            )}
            <LinkButton href="/hosts">Go to Hosts</LinkButton>
          </>
        }
      />
    </main>
  );
});
