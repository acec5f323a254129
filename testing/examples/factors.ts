import { askNewPasskey, askPasskey } from "../../core/auth/factors/ask_passkey.ts";
import { recoveryCode } from "../../core/auth/factors/rules.ts";
import { beginTotp } from "../../core/auth/factors/totp_setup.ts";
import type { Viewer } from "../../core/auth/types.ts";
import { sha256, uuidv7 } from "../../core/ids.ts";
import { giveApp, givePasskey, testApp } from "../factors.ts";
import { testPasskey } from "../passkey.ts";
import { TEST_PASSWORD, type TestCaller, type TestSite } from "../site.ts";
import { get, type MakeForm, post, type Topic } from "./topic.ts";

const NOBODY = "000000";
const party = (site: TestSite) => ({ id: "localhost", origin: site.origin });
const asker = (site: TestSite) => ({ address: "127.0.0.1", clock: site.services.clock });

/** As much of who is asking as the use cases read. */
function viewerOf({ user_id, username, session_id }: TestCaller, stage: Viewer["stage"]): Viewer {
  return { id: user_id, username, display_name: "", session_id, stage } as Viewer;
}

async function codeOf(site: TestSite, caller?: TestCaller): Promise<string> {
  return caller ? (await giveApp(site.services, caller.user_id)).code() : NOBODY;
}

async function recoveryCodeOf({ database }: TestSite, caller?: TestCaller): Promise<string> {
  const code = recoveryCode();
  if (!caller) return code;
  await database.sql`
    insert into recovery_codes (user_id, hash, created_at) values (${caller.user_id}, ${await sha256(
    code,
  )}, app_now())`;
  return code;
}

async function newApp(site: TestSite, caller?: TestCaller): Promise<{ setup: string; code: string }> {
  if (!caller) return { setup: "nothing", code: NOBODY };
  const { sealer, clock } = site.services;
  const { setup, secret } = await beginTotp(sealer, viewerOf(caller, "enrol"), clock);
  return { setup, code: testApp(secret).code() };
}

async function newPasskey(site: TestSite, caller?: TestCaller) {
  const who = caller ?? await site.signIn("auditor");
  const options = await askNewPasskey(site.services.sql, viewerOf(who, "enrol"), party(site), asker(site));
  return testPasskey(site.origin).register(options);
}

/** The id of a passkey of whoever asks, beside an app; nobody's for nobody. */
async function ownPasskey(site: TestSite, caller?: TestCaller): Promise<string> {
  if (!caller) return uuidv7();
  await giveApp(site.services, caller.user_id);
  return (await givePasskey(site.services.sql, caller.user_id, site.origin)).passkey_id;
}

/** Removing is for whoever has another factor. */
const twoFactors = (path: string): MakeForm => async (site, caller) => {
  await ownPasskey(site, caller);
  return { path };
};

/** Routes of second factors and proof of identity. */
export default {
  api: {
    "POST /api/v1/auth/factor": {
      request: async (site, caller) => ({
        method: "POST",
        path: "/api/v1/auth/factor",
        json: { code: await codeOf(site, caller) },
      }),
      status: 200,
    },
    "POST /api/v1/auth/recovery-code": {
      request: async (site, caller) => ({
        method: "POST",
        path: "/api/v1/auth/recovery-code",
        json: { code: await recoveryCodeOf(site, caller) },
      }),
      status: 200,
    },
    "POST /api/v1/auth/confirm": {
      request: async (site, caller) => ({
        method: "POST",
        path: "/api/v1/auth/confirm",
        json: { password: TEST_PASSWORD, code: await codeOf(site, caller) },
      }),
      status: 200,
    },
    "POST /api/v1/auth/passkey/options": post("/api/v1/auth/passkey/options", undefined),
    "GET /api/v1/auth/factors": get("/api/v1/auth/factors"),
    "POST /api/v1/auth/factors/totp/setup": post("/api/v1/auth/factors/totp/setup", undefined),
    "POST /api/v1/auth/factors/totp": {
      request: async (site, caller) => ({
        method: "POST",
        path: "/api/v1/auth/factors/totp",
        json: await newApp(site, caller),
      }),
      status: 200,
    },
    "DELETE /api/v1/auth/factors/totp": {
      request: async (site, caller) => {
        await ownPasskey(site, caller);
        return { method: "DELETE", path: "/api/v1/auth/factors/totp" };
      },
      status: 200,
    },
    "POST /api/v1/auth/factors/passkeys/options": post("/api/v1/auth/factors/passkeys/options", undefined),
    "POST /api/v1/auth/factors/passkeys": {
      request: async (site, caller) => ({
        method: "POST",
        path: "/api/v1/auth/factors/passkeys",
        json: { name: "Work laptop", response: await newPasskey(site, caller) },
      }),
      status: 200,
    },
    "PATCH /api/v1/auth/factors/passkeys/:id": {
      request: async (site, caller) => ({
        method: "PATCH",
        path: `/api/v1/auth/factors/passkeys/${await ownPasskey(site, caller)}`,
        json: { name: "Blue key" },
      }),
      status: 200,
    },
    "DELETE /api/v1/auth/factors/passkeys/:id": {
      request: async (site, caller) => ({
        method: "DELETE",
        path: `/api/v1/auth/factors/passkeys/${await ownPasskey(site, caller)}`,
      }),
      status: 200,
    },
    "POST /api/v1/auth/factors/recovery-codes": post("/api/v1/auth/factors/recovery-codes", undefined),
  },
  forms: {
    "POST /login/passkey": async (site) => {
      const { user_id } = await site.signIn("auditor");
      const { passkey } = await givePasskey(site.services.sql, user_id, site.origin);
      const options = await askPasskey(site.services.sql, null, party(site), asker(site));
      return { path: "/login/passkey", fields: [["response", JSON.stringify(passkey.answer(options))], ["next", "/"]] };
    },
    "POST /login/factor": async (site, caller) => ({
      path: "/login/factor",
      fields: [["code", await codeOf(site, caller)], ["next", "/hosts"]],
    }),
    "POST /login/recovery": async (site, caller) => ({
      path: "/login/recovery",
      fields: [["code", await recoveryCodeOf(site, caller)], ["next", "/hosts"]],
    }),
    "POST /setup/app": async (site, caller) => {
      const { setup, code } = await newApp(site, caller);
      return { path: "/setup/app", fields: [["setup", setup], ["code", code], ["next", "/hosts"]] };
    },
    "POST /setup/passkey": async (site, caller) => {
      const response = JSON.stringify(await newPasskey(site, caller));
      return { path: "/setup/passkey", fields: [["name", "Work laptop"], ["response", response], ["next", "/hosts"]] };
    },
    "POST /confirm": async (site, caller) => {
      const fields: [string, string][] = [["password", TEST_PASSWORD], ["code", await codeOf(site, caller)]];
      return {
        path: "/confirm",
        fields: [...fields, ["next", "/hosts"], ["again_to", "/groups"], ["again_body", "name=x"]],
      };
    },
    "POST /profile/factors/app": async (site, caller) => {
      const { setup, code } = await newApp(site, caller);
      return { path: "/profile/factors/app", fields: [["setup", setup], ["code", code]] };
    },
    "POST /profile/factors/app/remove": twoFactors("/profile/factors/app/remove"),
    "POST /profile/factors/passkeys": async (site, caller) => {
      const response = JSON.stringify(await newPasskey(site, caller));
      return { path: "/profile/factors/passkeys", fields: [["name", "Blue key"], ["response", response]] };
    },
    "POST /profile/factors/passkeys/:id/rename": async (site, caller) => ({
      path: `/profile/factors/passkeys/${await ownPasskey(site, caller)}/rename`,
      fields: [["name", "Blue key"]],
    }),
    "POST /profile/factors/passkeys/:id/remove": async (site, caller) => ({
      path: `/profile/factors/passkeys/${await ownPasskey(site, caller)}/remove`,
    }),
    "POST /profile/factors/recovery-codes": () => ({ path: "/profile/factors/recovery-codes" }),
  },
  stages: {
    "POST /api/v1/auth/factor": "factor",
    "POST /api/v1/auth/recovery-code": "factor",
    "GET /login/factor": "factor",
    "POST /login/factor": "factor",
    "GET /login/recovery": "factor",
    "POST /login/recovery": "factor",
    "GET /setup": "enrol",
    "GET /setup/app": "enrol",
    "POST /setup/app": "enrol",
    "GET /setup/passkey": "enrol",
    "POST /setup/passkey": "enrol",
    "GET /api/v1/auth/factors": "enrol",
    "POST /api/v1/auth/factors/totp/setup": "enrol",
    "POST /api/v1/auth/factors/totp": "enrol",
    "DELETE /api/v1/auth/factors/totp": "enrol",
    "POST /api/v1/auth/factors/passkeys/options": "enrol",
    "POST /api/v1/auth/factors/passkeys": "enrol",
  },
  silent: {
    "POST /api/v1/auth/passkey/options": "a question to a passkey; its answer is the sign-in",
    "POST /api/v1/auth/factors/totp/setup": "nothing is stored before a code of the secret comes back",
    "POST /api/v1/auth/factors/passkeys/options": "a question to a passkey; its answer is the enrolment",
  },
} satisfies Topic;
