import { appendAudit } from "../core/audit/append_audit.ts";
import { totpPurpose } from "../core/auth/factors/check_code.ts";
import { CODE_SECONDS, groupsOfFour } from "../core/auth/factors/rules.ts";
import { countFactors, findTotp, saveTotp } from "../core/auth/factors/store.ts";
import { codeAt, newSecret, otpauthUri } from "../core/auth/factors/totp.ts";
import { openSealer } from "../core/auth/sealer.ts";
import { systemClock } from "../core/clock.ts";
import { transaction } from "../core/database/connection.ts";
import type { EmbeddedServer } from "../core/database/embedded.ts";
import { asOwner } from "./database.ts";
import { bold, dim, say } from "./words.ts";

/** The authenticator app of the demo's admin, in this terminal: a newcomer gets in without a phone. */
export interface DemoApp {
  /** Base 32. */
  secret: string;
  /** For a phone, whoever wants to use one. */
  uri: string;
  /** The code of this moment. */
  code(): string;
}

/**
 * The app that the demo set up for its admin, now or at an earlier start; null once the person has set up their own. The
 * secret lies beside the manager's state, readable to its owner only.
 *
 * @param folder of the manager's state
 */
export function demoApp(database: EmbeddedServer, folder: string): Promise<DemoApp | null> {
  const file = `${folder}/demo-authenticator`;
  return asOwner(database, async (sql, admin) => {
    const sealer = await openSealer(`${folder}/pki`);
    const [{ username }] = await sql`select username from users where id = ${admin}`;
    if (await countFactors(sql, admin) === 0) {
      const secret = newSecret();
      await Deno.writeTextFile(file, secret + "\n", { mode: 0o600 });
      const sealed = await sealer.seal(new TextEncoder().encode(secret), totpPurpose(admin));
      await transaction(sql, async (tx) => {
        await saveTotp(tx, admin, sealed, 0, systemClock.now());
        await appendAudit(tx, {
          actor: { kind: "system", name: "demo" },
          action: "auth.enrol_totp",
          object: { kind: "user", id: admin, name: username },
          outcome: "success",
        }, systemClock);
      });
      return appOf(secret, username);
    }
    const [stored, kept] = await Promise.all([
      findTotp(sql, admin),
      Deno.readTextFile(file).then((text) => text.trim(), () => null),
    ]);
    const opened = stored && await sealer.open(stored.sealed, totpPurpose(admin));
    return kept !== null && opened && new TextDecoder().decode(opened) === kept ? appOf(kept, username) : null;
  });
}

function appOf(secret: string, username: string): DemoApp {
  return { secret, uri: otpauthUri(secret, username), code: () => codeAt(secret, systemClock.now()) };
}

/** The lines of the invitation about the second factor. */
export function sayFactor(app: DemoApp | null): void {
  if (!app) return say("  Code      of the app that you set up");
  say(`  Code      ${codeLine(app)}`);
  say(`  Secret    ${groupsOfFour(app.secret)}   ${dim("for an authenticator app of your own, if you like")}`);
}

function codeLine(app: DemoApp): string {
  const left = CODE_SECONDS - Math.floor(systemClock.now().epochMilliseconds / 1000) % CODE_SECONDS;
  const more = Deno.stdin.isTerminal() ? "; press Enter here for the next" : "";
  return `${bold(groupsOfThree(app.code()))}   ${dim(`the second factor, changes in ${left} s${more}`)}`;
}

function groupsOfThree(code: string): string {
  return `${code.slice(0, 3)} ${code.slice(3)}`;
}

/** Says the code of the moment whenever the person presses Enter. Ends with the program. */
export function sayCodesOnEnter(app: DemoApp | null): void {
  if (!app || !Deno.stdin.isTerminal()) return;
  const listen = async () => {
    for await (const typed of Deno.stdin.readable) {
      if (typed.includes(10)) say(`  Code      ${codeLine(app)}`);
    }
  };
  // Without a terminal any more there is nobody to tell.
  listen().catch(() => {});
}
