import { LinkButton } from "../../../../components/button.tsx";
import { Notice } from "../../../../components/states.tsx";
import CopyText from "../../../../islands/copy_text.tsx";

/** Shown once: it stands in this answer and nowhere else, so the page that holds it has no address of its own. */
export function OneTimePassword(
  { id, username, name, password }: { id: string; username: string; name: string; password: string },
) {
  return (
    <>
      <Notice tone="info" title={`One-time password of ${name}, shown only now`}>
        <pre class="command" tabIndex={0} aria-label="One-time password"><code>{password}</code></pre>
        <p class="copy-line">
          <CopyText text={password} what="the password" />
        </p>
        Hand it over in person or by phone, with the user name{" "}
        <strong>{username}</strong>. At the next login it has to be changed. If it gets lost on the way, reset it.
      </Notice>
      <div class="row">
        <LinkButton kind="primary" href={`/users/${id}`}>Go to {name}</LinkButton>
        <LinkButton href="/users">All users</LinkButton>
      </div>
    </>
  );
}
