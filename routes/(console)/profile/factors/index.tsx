import { Button, LinkButton } from "../../../../components/button.tsx";
import { DialogButton } from "../../../../components/dialog.tsx";
import { PageHead, SectionHead } from "../../../../components/page_head.tsx";
import { countText } from "../../../../components/quantity.tsx";
import { RelativeTime } from "../../../../components/relative_time.tsx";
import { EmptyState, Notice } from "../../../../components/states.tsx";
import { Cell, Column, Table } from "../../../../components/table.tsx";
import { factorsOf } from "../../../../core/auth/factors/list_factors.ts";
import { passkeysAt } from "../../../../core/auth/factors/relying_party.ts";
import { RECOVERY_CODES } from "../../../../core/auth/factors/rules.ts";
import { rfc3339 } from "../../../../core/clock.ts";
import { wire } from "../../../../core/wire.ts";
import { page, type RouteAccess } from "../../../../web/mod.ts";
import { RemoveAppDialog, RemovePasskeyDialog, RenamePasskeyDialog } from "../../../(_factors)/factor_dialogs.tsx";
import { ProfileTabs } from "../(_components)/profile_tabs.tsx";
import { localPath } from "../../../(_role)/form.ts";
import { define, viewerOf } from "../../../(_role)/state.ts";

export const access = { role: "auditor", scope: "none", audit: null } as const satisfies RouteAccess;

/** What was done just now, by the name that stands in the address after it. */
const DONE: Record<string, string> = {
  app: "The authenticator app is set up. Your other sessions have ended.",
  passkey: "The passkey is registered. Your other sessions have ended.",
  renamed: "The passkey has its new name.",
  removed: "It is removed. Your other sessions have ended.",
};

export const handler = define.handlers({
  async GET({ state, url }) {
    const factors = wire(await factorsOf(state.services.sql, viewerOf(state).id));
    const done = url.searchParams.get("done") ?? "";
    const next = localPath(url.searchParams.get("next") ?? "/");
    return page({
      factors,
      done: Object.hasOwn(DONE, done) ? DONE[done] : null,
      recovered: url.searchParams.get("recovered") === "1" ? next : null,
    });
  },
});

export default define.page<typeof handler>(({ data, state, url }) => {
  state.title = "Second factor";
  const { factors: { app, passkeys, recovery_codes_left }, done, recovered } = data;
  const now = rfc3339(state.services.clock.now());
  const { party, unavailable } = passkeysAt(state.services.public_url, url);
  const all = passkeys.length + (app ? 1 : 0);
  const at = "/profile/factors";
  return (
    <>
      <PageHead
        title="Second factor"
        state={
          <>
            {app ? "An authenticator app" : "No authenticator app"}, {countText(passkeys.length, "passkey")} and{" "}
            {countText(recovery_codes_left, "recovery code")} left.
          </>
        }
      />
      <ProfileTabs current="/profile/factors" />
      {done && <Notice tone="ok">{done}</Notice>}
      {recovered !== null && (
        <Notice tone="warn" title={`You used a recovery code: ${recovery_codes_left} of ${RECOVERY_CODES} are left.`}>
          If your phone or key is lost, set up another one here and remove what is gone.{" "}
          <a href={recovered}>Go on to where you wanted</a>
        </Notice>
      )}
      <SectionHead title="Authenticator app" />
      {app
        ? (
          <div class="row">
            <span>
              Set up <RelativeTime at={app.created_at} now={now} />
            </span>
            <LinkButton size="small" href={`${at}/app`}>Set up anew</LinkButton>
            {all > 1 && <DialogButton size="small" opens="remove-app">Remove …</DialogButton>}
          </div>
        )
        : (
          <div class="row">
            <span class="muted">An app on your phone shows a new code every 30 seconds.</span>
            <LinkButton size="small" icon="plus" href={`${at}/app`}>Set up an app</LinkButton>
          </div>
        )}
      <SectionHead title="Passkeys" note="as second factor, or to sign in without a password" />
      {passkeys.length === 0
        ? (
          <EmptyState
            title="No passkey so far"
            icon="key-round"
            actions={party && <LinkButton icon="plus" href={`${at}/passkeys`}>Add a passkey</LinkButton>}
          >
            {party ? "Your fingerprint, face, PIN or a security key. It cannot be phished." : unavailable}
          </EmptyState>
        )
        : (
          <>
            <Table
              label="Passkeys"
              height="short"
              columns={
                <>
                  <Column>Name</Column>
                  <Column>Signs in</Column>
                  <Column>Added</Column>
                  <Column>Last used</Column>
                  <Column>
                    <span class="visually-hidden">What can be done</span>
                  </Column>
                </>
              }
            >
              {passkeys.map(({ id, name, created_at, last_used_at, verifies_user }) => (
                <tr key={id}>
                  <th scope="row">{name}</th>
                  <Cell label="Signs in">{verifies_user ? "without a password" : "with the password"}</Cell>
                  <Cell label="Added">
                    <RelativeTime at={created_at} now={now} />
                  </Cell>
                  <Cell label="Last used">
                    {last_used_at ? <RelativeTime at={last_used_at} now={now} /> : "not so far"}
                  </Cell>
                  <td>
                    <span class="row">
                      <Button
                        size="small"
                        command="show-modal"
                        commandfor={`rename-${id}`}
                        aria-haspopup="dialog"
                        aria-label={`Rename ${name}`}
                      >
                        Rename …
                      </Button>
                      {all > 1 && (
                        <Button
                          size="small"
                          command="show-modal"
                          commandfor={`remove-${id}`}
                          aria-haspopup="dialog"
                          aria-label={`Remove ${name}`}
                        >
                          Remove …
                        </Button>
                      )}
                    </span>
                  </td>
                </tr>
              ))}
            </Table>
            <div class="row">
              {party
                ? <LinkButton size="small" icon="plus" href={`${at}/passkeys`}>Add a passkey</LinkButton>
                : <span class="muted">{unavailable}</span>}
            </div>
          </>
        )}
      {all === 1 && (
        <p class="field-hint">One second factor has to be left, so this one can be replaced and not removed.</p>
      )}
      <SectionHead title="Recovery codes" note="each lets you in once, when phone or key are not at hand" />
      <div class="row">
        <span class={recovery_codes_left <= 3 ? "tone-warn-text" : undefined}>
          {recovery_codes_left} of {RECOVERY_CODES} left
        </span>
        <form method="post" action={`${at}/recovery-codes`}>
          <Button type="submit" size="small" icon="rotate-cw">Make ten new codes, the old ones end</Button>
        </form>
      </div>
      {app && all > 1 && <RemoveAppDialog />}
      {passkeys.map((passkey) => (
        <>
          <RenamePasskeyDialog passkey={passkey} />
          {all > 1 && <RemovePasskeyDialog passkey={passkey} />}
        </>
      ))}
    </>
  );
});
