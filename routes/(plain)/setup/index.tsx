import { LinkButton } from "../../../components/button.tsx";
import { LoginCard } from "../../../components/login_card.tsx";
import { Button } from "../../../components/button.tsx";
import { passkeysAt } from "../../../core/auth/factors/relying_party.ts";
import { page, type RouteAccess } from "../../../web/mod.ts";
import { localPath } from "../../(_role)/form.ts";
import { define, viewerOf } from "../../(_role)/state.ts";

export const access = { role: "auditor", scope: "none", audit: null } as const satisfies RouteAccess;

export const handler = define.handlers({
  GET(ctx) {
    const next = localPath(ctx.url.searchParams.get("next") ?? "/");
    if (viewerOf(ctx.state).stage !== "enrol") return ctx.redirect("/profile/factors");
    return page({ next });
  },
});

export default define.page<typeof handler>(({ data, state, url }) => {
  state.title = "Set up a second factor";
  const then = `?next=${encodeURIComponent(data.next)}`;
  const { party, unavailable } = passkeysAt(state.services.public_url, url);
  return (
    <LoginCard
      title="Set up a second factor"
      words={`Step 1 of 3 for ${viewerOf(state).username}: choose one. A password alone opens nothing here.`}
      foot={
        <form method="post" action="/logout">
          <Button kind="quiet" type="submit">Sign out</Button>
        </form>
      }
    >
      <div class="form">
        <div class="choice">
          <LinkButton kind="primary" icon="shield-check" wide href={`/setup/app${then}`}>Authenticator app</LinkButton>
          <p class="field-hint">An app on your phone shows a new code every 30 seconds. Works everywhere.</p>
        </div>
        <div class="choice">
          {party && <LinkButton icon="key-round" wide href={`/setup/passkey${then}`}>Passkey</LinkButton>}
          <p class="field-hint">
            {party
              ? "Your fingerprint, face, PIN or a security key. Cannot be phished, and can sign you in without a password."
              : unavailable}
          </p>
        </div>
      </div>
    </LoginCard>
  );
});
