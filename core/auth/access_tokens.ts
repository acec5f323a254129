import { errors, type JWSHeaderParameters, jwtVerify, SignJWT } from "jose";
import { z } from "zod";
import { type Clock, epochMs } from "../clock.ts";
import { ACCESS_TOKEN_MINUTES } from "./rules.ts";
import type { SigningKeys } from "./signing_keys.ts";
import { type OpenedSession, roles, sessionKinds, stages, type Viewer } from "./types.ts";

/** What an access token is, fixed on both sides: nothing that a token says about itself is believed. */
const ALGORITHM = "EdDSA";
const ISSUER = "urn:linux-patch-manager:manager";
const AUDIENCE = "urn:linux-patch-manager:web";
/** RFC 9068, 2.1: no other kind of token passes for one of these. */
const TYPE = "at+jwt";
/** Characters; far above what the longest names give, far below what costs anything to refuse. */
const LONGEST = 3_500;

const Claims = z.strictObject({
  iss: z.literal(ISSUER),
  aud: z.literal(AUDIENCE),
  sub: z.uuid(),
  sid: z.uuid(),
  iat: z.int(),
  nbf: z.int(),
  exp: z.int(),
  auth_time: z.int(),
  preferred_username: z.string(),
  name: z.string(),
  role: z.enum(roles),
  kind: z.enum(sessionKinds),
  stage: z.enum(stages),
  must_change: z.boolean(),
  rotation: z.int(),
});

/** Somebody whose token holds, and the refresh token that it came with. */
export interface AccessProof {
  viewer: Viewer;
  rotation: number;
}

/**
 * Signs and checks the tokens that carry a viewer from request to request: JWT, EdDSA over Ed25519. Whether the session
 * was ended since is not in them; that is asked besides.
 */
export class AccessTokens {
  constructor(private readonly keys: SigningKeys, private readonly clock: Clock) {}

  /** @returns the token, and for how many seconds it is good: 15 minutes, less where the session ends sooner */
  async issue(session: OpenedSession): Promise<{ token: string; expires_in: number }> {
    const { viewer, rotation, idle_until, expires_at } = session;
    const now = seconds(epochMs(this.clock));
    const ends = Math.min(idle_until.epochMilliseconds, expires_at.epochMilliseconds);
    const expires_in = Math.max(0, Math.min(ACCESS_TOKEN_MINUTES * 60, seconds(ends) - now));
    const key = await this.keys.signing();
    const token = await new SignJWT({
      sid: viewer.session_id,
      auth_time: seconds(viewer.authenticated_at.epochMilliseconds),
      preferred_username: viewer.username,
      name: viewer.display_name,
      role: viewer.role,
      kind: viewer.session_kind,
      stage: viewer.stage,
      must_change: viewer.must_change_password,
      rotation,
    })
      .setProtectedHeader({ alg: ALGORITHM, typ: TYPE, kid: key.kid })
      .setIssuer(ISSUER)
      .setAudience(AUDIENCE)
      .setSubject(viewer.id)
      .setIssuedAt(now)
      .setNotBefore(now)
      .setExpirationTime(now + expires_in)
      .sign(key.private_key);
    return { token, expires_in };
  }

  /** What a token proves; null when it proves nothing, with the reason for the log. */
  async check(token: string): Promise<AccessProof | { viewer: null; why: string }> {
    if (token.length > LONGEST) return { viewer: null, why: "too_long" };
    try {
      const { payload } = await jwtVerify(token, (header) => this.#keyOf(header), {
        algorithms: [ALGORITHM],
        issuer: ISSUER,
        audience: AUDIENCE,
        typ: TYPE,
        currentDate: new Date(epochMs(this.clock)),
        // A token that would be good for longer was not made by us.
        maxTokenAge: ACCESS_TOKEN_MINUTES * 60,
        requiredClaims: ["exp", "nbf", "iat", "sub"],
      });
      const claims = Claims.safeParse(payload);
      return claims.success ? proofOf(claims.data) : { viewer: null, why: "claims" };
    } catch (thrown) {
      if (thrown instanceof errors.JOSEError) return { viewer: null, why: thrown.code };
      throw thrown;
    }
  }

  async #keyOf({ kid }: JWSHeaderParameters) {
    const key = await this.keys.verifying(kid ?? "");
    if (!key) throw new errors.JWKSNoMatchingKey();
    return key;
  }
}

function proofOf(claims: z.infer<typeof Claims>): AccessProof {
  return {
    viewer: {
      id: claims.sub,
      username: claims.preferred_username,
      display_name: claims.name,
      role: claims.role,
      session_id: claims.sid,
      session_kind: claims.kind,
      must_change_password: claims.must_change,
      stage: claims.stage,
      authenticated_at: Temporal.Instant.fromEpochMilliseconds(claims.auth_time * 1000),
      sees: claims.sub,
      token: null,
    },
    rotation: claims.rotation,
  };
}

function seconds(milliseconds: number): number {
  return Math.floor(milliseconds / 1000);
}
