import { LinkButton } from "../../../../../components/button.tsx";
import { PageHead } from "../../../../../components/page_head.tsx";
import { Notice } from "../../../../../components/states.tsx";
import { enrolPasskey } from "../../../../../core/auth/factors/enrol_passkey.ts";
import { passkeysAt } from "../../../../../core/auth/factors/relying_party.ts";
import { page, type RouteAccess } from "../../../../../web/mod.ts";
import { clientOf, partyOf, problemOf } from "../../../../(_factors)/asking.ts";
import { newPasskeyOf, PasskeySetup } from "../../../../(_factors)/passkey_setup.tsx";
import { RecoveryCodes } from "../../../../(_factors)/recovery_codes.tsx";
import { readForm } from "../../../../(_role)/form.ts";
import { callContext, define, viewerOf } from "../../../../(_role)/state.ts";

export const access = {
  GET: { role: "auditor", scope: "none", audit: null, recent: true },
  POST: { role: "auditor", scope: "none", audit: "auth.enrol_passkey", recent: true },
} as const satisfies Record<string, RouteAccess>;

interface Data {
  name: string;
  problem: { title: string; hint: string } | null;
  codes: string[] | null;
}

export const handler = define.handlers({
  GET: () => page<Data>({ name: "", problem: null, codes: null }),
  async POST(ctx) {
    const form = await readForm(ctx.req, ["next", "name", "response"]);
    const name = form.get("name").slice(0, 100);
    const { services } = ctx.state;
    try {
      const given = newPasskeyOf(name, form.get("response"));
      const party = partyOf(services, ctx.url);
      const call = callContext(ctx.state);
      const made = await enrolPasskey(services.sql, viewerOf(ctx.state), given, party, clientOf(ctx), call);
      if (!made.recovery_codes) return ctx.redirect("/profile/factors?done=passkey");
      return page<Data>({ name, problem: null, codes: made.recovery_codes });
    } catch (thrown) {
      const { status, ...problem } = problemOf(thrown);
      return page<Data>({ name, problem, codes: null }, { status });
    }
  },
});

export default define.page<typeof handler>(({ data, state, url }) => {
  const { name, problem, codes } = data;
  const crumbs = [{ href: "/profile/factors", label: "Second factor" }];
  if (codes) {
    state.title = "Recovery codes";
    return (
      <>
        <PageHead title="Keep your recovery codes" crumbs={crumbs} state="The passkey is registered." />
        <div class="narrow-part">
          <RecoveryCodes codes={codes} username={viewerOf(state).username} next="/profile/factors" go="Done" />
        </div>
      </>
    );
  }
  state.title = "Add a passkey";
  const { party, unavailable } = passkeysAt(state.services.public_url, url);
  return (
    <>
      <PageHead title="Add a passkey" crumbs={crumbs} state="Once it is registered, your other sessions end." />
      <div class="narrow-part">
        {party
          ? (
            <PasskeySetup
              action="/profile/factors/passkeys"
              next="/profile/factors"
              name={name}
              problem={problem}
              origin={party.origin}
            />
          )
          : <Notice tone="warn" title="Passkeys cannot be used here.">{unavailable}</Notice>}
        <LinkButton kind="quiet" href="/profile/factors">Back without adding one</LinkButton>
      </div>
    </>
  );
});
