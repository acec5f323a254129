import { Button } from "../../components/button.tsx";
import { Notice } from "../../components/states.tsx";
import { groupsOfFour } from "../../core/auth/factors/rules.ts";
import { beginTotp, resumeTotp, type TotpSetup } from "../../core/auth/factors/totp_setup.ts";
import { AppError } from "../../core/errors.ts";
import CopyText from "../../islands/copy_text.tsx";
import { type State, viewerOf } from "../(_role)/state.ts";
import { CodeField } from "./code_field.tsx";
import { QrCode } from "./qr_code.tsx";

export type ShownSetup = Pick<TotpSetup, "secret" | "uri" | "setup">;

/** The set-up that was begun, as long as it holds; a new one else. */
export async function beginOrResume(state: State, begun: string | null): Promise<ShownSetup> {
  const { sealer, clock } = state.services;
  const viewer = viewerOf(state);
  const resumed = begun === null ? null : await resumeTotp(sealer, viewer, begun, clock).catch((thrown) => {
    if (thrown instanceof AppError) return null;
    throw thrown;
  });
  return resumed ?? await beginTotp(sealer, viewer, clock);
}

/** Scan, or copy; then type the first code. What was wrong keeps the same secret: it is in the app already. */
export function AppSetup(
  { action, next, setup, problem }: {
    action: string;
    next: string;
    setup: ShownSetup;
    problem: { title: string; hint: string } | null;
  },
) {
  const shown = groupsOfFour(setup.secret);
  return (
    <form class="form" method="post" action={action}>
      {problem && <Notice tone="bad" title={problem.title}>{problem.hint}</Notice>}
      <input type="hidden" name="next" value={next} />
      <input type="hidden" name="setup" value={setup.setup} />
      <ol class="steps">
        <li>
          <p>Open an authenticator app on your phone, add an account, and scan this.</p>
          <QrCode text={setup.uri} label="QR code with the secret for your app" />
          <p class="field-hint">Without a camera, type the secret instead:</p>
          <p>
            <code class="secret mono" id="secret">{shown}</code>
          </p>
          <CopyText text={setup.secret} what="the secret" />
        </li>
        <li>
          <CodeField label="Code that the app shows now" autofocus={problem !== null} />
        </li>
      </ol>
      <Button kind="primary" type="submit" wide>Confirm the code</Button>
    </form>
  );
}
