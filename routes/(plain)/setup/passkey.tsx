import { LinkButton } from "../../../components/button.tsx";
import { LoginCard } from "../../../components/login_card.tsx";
import { Notice } from "../../../components/states.tsx";
import { enrolPasskey } from "../../../core/auth/factors/enrol_passkey.ts";
import { passkeysAt } from "../../../core/auth/factors/relying_party.ts";
import { page, type RouteAccess } from "../../../web/mod.ts";
import { clientOf, keeping, partyOf, problemOf } from "../../(_factors)/asking.ts";
import { newPasskeyOf, PasskeySetup } from "../../(_factors)/passkey_setup.tsx";
import { RecoveryCodes } from "../../(_factors)/recovery_codes.tsx";
import { localPath, readForm } from "../../(_role)/form.ts";
import { callContext, define, viewerOf } from "../../(_role)/state.ts";

export const access = {
  GET: { role: "auditor", scope: "none", audit: null },
  POST: { role: "auditor", scope: "none", audit: "auth.enrol_passkey" },
} as const satisfies Record<string, RouteAccess>;

interface Data {
  next: string;
  name: string;
  problem: { title: string; hint: string } | null;
  codes: string[] | null;
}

export const handler = define.handlers({
  GET(ctx) {
    const next = localPath(ctx.url.searchParams.get("next") ?? "/");
    if (viewerOf(ctx.state).stage !== "enrol") return ctx.redirect("/profile/factors");
    return page<Data>({ next, name: "", problem: null, codes: null });
  },
  async POST(ctx) {
    const form = await readForm(ctx.req, ["next", "name", "response"]);
    const next = localPath(form.get("next"));
    const name = form.get("name").slice(0, 100);
    const viewer = viewerOf(ctx.state);
    // The page was sent twice: the first time has let them in.
    if (viewer.stage !== "enrol") return ctx.redirect("/profile/factors");
    const { services } = ctx.state;
    try {
      const passkey = newPasskeyOf(name, form.get("response"));
      const party = partyOf(services, ctx.url);
      const { opened, recovery_codes } = await enrolPasskey(
        services.sql,
        viewer,
        passkey,
        party,
        clientOf(ctx),
        callContext(ctx.state),
      );
      const headers = await keeping(services, opened);
      return page<Data>({ next, name, problem: null, codes: recovery_codes ?? [] }, { headers });
    } catch (thrown) {
      const { status, ...problem } = problemOf(thrown);
      return page<Data>({ next, name, problem, codes: null }, { status });
    }
  },
});

export default define.page<typeof handler>(({ data, state, url }) => {
  const { next, name, problem, codes } = data;
  const { username } = viewerOf(state);
  if (codes) {
    state.title = "Recovery codes";
    return (
      <LoginCard title="Keep your recovery codes" words="Step 3 of 3. Your passkey is set up." wide>
        <RecoveryCodes codes={codes} username={username} next={next} go="Go on to Linux Patch Manager" />
      </LoginCard>
    );
  }
  state.title = "Set up a passkey";
  const { party, unavailable } = passkeysAt(state.services.public_url, url);
  return (
    <LoginCard
      title="Set up a passkey"
      words={`Step 2 of 3 for ${username}`}
      foot={<LinkButton kind="quiet" href={`/setup?next=${encodeURIComponent(next)}`}>Back</LinkButton>}
    >
      {party
        ? <PasskeySetup action="/setup/passkey" next={next} name={name} problem={problem} origin={party.origin} />
        : <Notice tone="warn" title="Passkeys cannot be used here.">{unavailable}</Notice>}
    </LoginCard>
  );
});
