import assert from "node:assert/strict";
import type { Stage } from "../../core/auth/types.ts";
import type { AppError } from "../../core/errors.ts";
import type { Context, RouteAccess, RouteKind } from "../../web/mod.ts";
import { authorize } from "./authorize.ts";
import type { State } from "./state.ts";

interface Asked {
  role?: "admin" | "operator" | "auditor";
  must_change?: boolean;
  stage?: Stage;
  /** How long ago they proved who they are, in seconds. */
  proven_seconds_ago?: number;
  token?: boolean;
  ended?: boolean;
  kind?: RouteKind;
  /** The API token is limited to groups. */
  limited?: boolean;
  method?: string;
  route?: string;
  path?: string;
}

/** What a caller meets at a route of a role: "passes", where it is sent, or the code of its refusal. */
function meets(needed: RouteAccess["role"], asked: Asked, more: Partial<RouteAccess> = {}): string {
  const { role, must_change = false, ended = false, kind = "page", method = "GET", path = "/hosts?q=a&b=c" } = asked;
  const { stage = "full", proven_seconds_ago = 0, token = false } = asked;
  const now = Temporal.Instant.from("2026-11-21T12:00:00Z");
  const viewer = role && {
    role,
    must_change_password: must_change,
    stage,
    authenticated_at: now.subtract({ seconds: proven_seconds_ago }),
    token: token ? { id: "", name: "nightly", scopes: ["read", "host"], limited: asked.limited ?? false } : null,
  };
  const url = new URL(path, "https://self.example");
  const ctx = {
    req: new Request(url, { method }),
    url,
    kind,
    route: asked.route ?? url.pathname,
    state: { viewer: viewer ?? null, session_ended: ended, services: { clock: { now: () => now } } },
    redirect: (to: string) => new Response(null, { status: 303, headers: { location: to } }),
  } as unknown as Context<State>;
  try {
    return authorize({ role: needed, scope: "none", audit: null, ...more }, ctx)?.headers.get("location") ?? "passes";
  } catch (thrown) {
    return (thrown as AppError).code;
  }
}

Deno.test("who is not signed in: pages lead to the login, everything else says why not", () => {
  for (
    const [asked, outcome] of [
      [{}, "/login?next=%2Fhosts%3Fq%3Da%26b%3Dc"],
      [{ ended: true }, "/login?next=%2Fhosts%3Fq%3Da%26b%3Dc"],
      [{ method: "POST" }, "not_signed_in"],
      [{ method: "POST", ended: true }, "session_expired"],
      [{ kind: "api" }, "not_signed_in"],
      [{ kind: "api", ended: true }, "session_expired"],
      [{ kind: "upgrade" }, "not_signed_in"],
    ] as [Asked, string][]
  ) {
    for (const role of ["auditor", "operator", "admin"] as const) {
      assert.equal(meets(role, asked), outcome, JSON.stringify(asked));
    }
  }
});

Deno.test("roles: each may do what the ones before it may, and nothing more", () => {
  const ranks = ["auditor", "operator", "admin"] as const;
  for (const [have, role] of ranks.entries()) {
    for (const [need, needed] of ranks.entries()) {
      const outcome = have >= need ? "passes" : "forbidden";
      for (const kind of ["page", "api"] as const) {
        assert.equal(meets(needed, { role, kind }), outcome, `${role} at ${needed}`);
      }
    }
  }
});

Deno.test("what tells of all is for auditors and admins: an operator may change more than an auditor, and knows less", () => {
  for (const kind of ["page", "api", "upgrade"] as const) {
    for (const method of ["GET", "POST"]) {
      for (
        const [role, outcome] of [["auditor", "passes"], ["operator", "forbidden"], ["admin", "passes"]] as const
      ) {
        assert.equal(
          meets("auditor", { role, kind, method }, { tells_all: true }),
          outcome,
          `${role} ${kind} ${method}`,
        );
      }
    }
  }
  assert.equal(meets("anonymous", { role: "operator" }, { tells_all: true }), "passes");
});

Deno.test("a one-time password opens the change of it, and the way out", () => {
  for (const role of ["auditor", "operator", "admin"] as const) {
    for (
      const [asked, outcome] of [
        [{}, "/password"],
        [{ method: "POST" }, "/password"],
        [{ kind: "api", path: "/api/v1/hosts" }, "password_change_required"],
        [{ kind: "upgrade", path: "/api/v1/ws/jobs" }, "password_change_required"],
        [{ path: "/password" }, "passes"],
        [{ path: "/password/", route: "/password/:rest" }, "/password"],
        [{ path: "/logout", method: "POST" }, "passes"],
        [{ kind: "api", path: "/api/v1/auth/password" }, "passes"],
        [{ kind: "api", path: "/api/v1/auth/me" }, "passes"],
      ] as [Asked, string][]
    ) {
      assert.equal(
        meets("auditor", { role, must_change: true, ...asked }),
        outcome,
        `${role} ${JSON.stringify(asked)}`,
      );
    }
  }
});

Deno.test("without the second factor only its own page is open, even before the password is changed", () => {
  for (const role of ["auditor", "operator", "admin"] as const) {
    for (
      const [asked, outcome] of [
        [{}, "/login/factor"],
        [{ must_change: true }, "/login/factor"],
        [{ method: "POST", path: "/hosts/new" }, "/login/factor"],
        [{ path: "/password" }, "/login/factor"],
        [{ path: "/setup" }, "/login/factor"],
        [{ kind: "api", path: "/api/v1/hosts" }, "second_factor_required"],
        [{ kind: "api", path: "/api/v1/auth/factors" }, "second_factor_required"],
        [{ kind: "upgrade", path: "/api/v1/ws/jobs" }, "second_factor_required"],
        [{ path: "/login/factor" }, "passes"],
        [{ path: "/logout", method: "POST" }, "passes"],
      ] as [Asked, string][]
    ) assert.equal(meets("auditor", { role, stage: "factor", ...asked }), outcome, `${role} ${JSON.stringify(asked)}`);
  }
});

Deno.test("who has no second factor yet sets one up, after the one-time password was changed", () => {
  for (const role of ["auditor", "operator", "admin"] as const) {
    for (
      const [asked, outcome] of [
        [{}, "/setup"],
        [{ must_change: true }, "/password"],
        [{ must_change: true, path: "/setup" }, "/password"],
        [{ path: "/login/factor" }, "/setup"],
        [{ kind: "api", path: "/api/v1/hosts" }, "factor_enrolment_required"],
        [{ kind: "upgrade", path: "/api/v1/ws/jobs" }, "factor_enrolment_required"],
        [{ path: "/setup" }, "passes"],
        [{ kind: "api", path: "/api/v1/auth/factors" }, "passes"],
        [{ kind: "api", path: "/api/v1/auth/me" }, "passes"],
      ] as [Asked, string][]
    ) assert.equal(meets("auditor", { role, stage: "enrol", ...asked }), outcome, `${role} ${JSON.stringify(asked)}`);
  }
});

Deno.test("what needs a recent proof of identity asks for it after ten minutes, and a role comes first", () => {
  for (
    const [asked, outcome] of [
      [{ role: "admin", proven_seconds_ago: 600 }, "passes"],
      [{ role: "admin", proven_seconds_ago: 601 }, "/confirm?next=%2Fhosts%3Fq%3Da%26b%3Dc"],
      [{ role: "admin", proven_seconds_ago: 601, method: "POST" }, "confirmation_required"],
      [{ role: "admin", proven_seconds_ago: 601, kind: "api" }, "confirmation_required"],
      [{ role: "admin", proven_seconds_ago: 601, kind: "api", token: true }, "passes"],
      [{ role: "operator", proven_seconds_ago: 601 }, "forbidden"],
    ] as [Asked, string][]
  ) assert.equal(meets("admin", asked, { recent: true }), outcome, JSON.stringify(asked));
  assert.equal(meets("admin", { role: "admin", proven_seconds_ago: 601 }), "passes");
});

Deno.test("what is open to all, and what machines prove themselves, asks nobody", () => {
  for (const needed of ["anonymous", "agent"] as const) {
    for (const asked of [{}, { ended: true }, { role: "auditor", must_change: true }] as Asked[]) {
      assert.equal(meets(needed, asked), "passes");
    }
  }
});

Deno.test("an API token opens what its scopes say, below /api only, and no more than its maker's role", () => {
  const token = { kind: "api", token: true, role: "admin" } as const;
  const hosts = { scope: "hosts" } as const;
  for (
    const [asked, more, outcome] of [
      [{ ...token, path: "/api/v1/hosts" }, hosts, "passes"],
      [{ ...token, path: "/api/v1/hosts", method: "POST" }, { ...hosts, audit: "host.create" }, "passes"],
      [{ ...token, path: "/api/v1/jobs", method: "POST" }, { ...hosts, audit: "job.create" }, "token_scope_missing"],
      [{ ...token, path: "/api/v1/audit" }, {}, "token_scope_missing"],
      [{ ...token, role: "auditor", path: "/api/v1/hosts", method: "POST" }, { audit: "host.create" }, "forbidden"],
      [{ ...token, path: "/api/v1/tokens", method: "POST" }, { audit: "api_token.create" }, "token_not_allowed"],
      [
        { ...token, path: "/api/v1/auth/password", method: "POST" },
        { audit: "auth.change_password" },
        "token_not_allowed",
      ],
      [{ ...token, path: "/api/v1/new", method: "POST" }, { audit: "novelty.create" }, "token_not_allowed"],
      [{ ...token, kind: "page", path: "/hosts" }, hosts, "token_not_allowed"],
      [{ ...token, kind: "upgrade", path: "/api/v1/ws/jobs" }, hosts, "token_not_allowed"],
      [{ ...token, limited: true, path: "/api/v1/hosts" }, hosts, "passes"],
      [{ ...token, limited: true, path: "/api/v1/settings" }, {}, "token_scope_missing"],
      [{ ...token, limited: true, path: "/api/v1/auth/me" }, {}, "passes"],
    ] as [Asked, Partial<RouteAccess>, string][]
  ) {
    const needed = more.audit ? "operator" : "auditor";
    assert.equal(meets(needed, asked, more), outcome, JSON.stringify([asked, more]));
  }
});
