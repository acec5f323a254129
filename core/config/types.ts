import { z } from "zod";
import {
  cidr,
  databaseUrl,
  folder,
  hostOrAddress,
  ipAddress,
  network,
  path,
  port,
  portOrAny,
  publicUrl,
  userName,
} from "./forms.ts";

/** How a value is written in an environment variable: lists are separated by commas. */
export type Form = "text" | "number" | "list" | "numbers";

/** One key of the configuration: everything that the example, the checks and the messages need to say. */
export interface Key<T = unknown> {
  form: Form;
  schema: z.ZodType<T>;
  /** The value when nobody gave one; null where the key may stay unset. */
  fallback: T;
  /** What is expected, as the end of "expected …", with unit and range. */
  expected: string;
  /** What the key is for and why its default is what it is; sentences, one per line. */
  reason: string;
  /** Shown in the example file where there is no default. */
  sample?: T;
  /** Never printed. May also come from a file (`<key>_file`) or a systemd credential. */
  secret?: true;
}

const key = <T>(shape: Key<T>): Key<T> => shape;

/** An optional text key: null when unset. */
const optional = (shape: Omit<Key<string | null>, "form" | "fallback" | "schema"> & { schema: z.ZodType<string> }) =>
  key<string | null>({ ...shape, form: "text", fallback: null });

const list = (shape: Omit<Key<string[]>, "form" | "schema"> & { item: z.ZodType<string> }) => {
  const { item, ...rest } = shape;
  return key<string[]>({ ...rest, form: "list", schema: z.array(item).max(1000) });
};

const databaseExpected =
  "postgres://user[:password]@host[:port]/database, or postgres:///database?host=/folder&user=name";

/**
 * Every key that the configuration file knows, by section. What may change while the program runs (intervals,
 * limits, mail) is not here but in the table `settings`: a key is in one of the two places, never in both.
 */
export const sections = {
  server: {
    reason: "Where the web interface and the REST API are served.",
    keys: {
      listen: key({
        form: "text",
        schema: ipAddress,
        fallback: "0.0.0.0",
        expected: "an IPv4 or IPv6 address of this machine",
        reason: 'The address to listen on. "0.0.0.0" is every IPv4 address; "::" adds IPv6 where the machine has it.',
      }),
      port: key({
        form: "number",
        schema: portOrAny,
        fallback: 8443,
        expected: "a port from 1 to 65535 (0 takes a free one, which the log names)",
        reason: "The TCP port. 8443 needs no special right, unlike 443.",
      }),
      public_url: optional({
        schema: publicUrl,
        expected: "an address like https://patch.example.org, without a path",
        reason: "The address that people type. Security keys (WebAuthn) and links in mail need it.",
        sample: "https://patch.example.org",
      }),
      names: list({
        item: hostOrAddress,
        fallback: ["localhost", "127.0.0.1", "::1"],
        expected: "a list of host names and IP addresses",
        reason: "The names that the self-made certificate of the web interface carries, beside the one in public_url.",
      }),
      certificate_file: optional({
        schema: path,
        expected: "an absolute path",
        reason: "Your own certificate chain (PEM) instead of the self-made one. Needs key_file too.",
        sample: "/etc/patch-manager/ui.crt",
      }),
      key_file: optional({
        schema: path,
        expected: "an absolute path",
        reason: "The private key (PEM) of certificate_file.",
        sample: "/etc/patch-manager/ui.key",
      }),
      trusted_proxies: list({
        item: network,
        fallback: [],
        expected: 'a list of networks or addresses like "10.1.0.7" or "2001:db8:1::/64", without host bits',
        reason:
          "Reverse proxies in front of the manager. Only from these is X-Forwarded-For believed, read from the right;\n" +
          "the address of the client then counts for throttling, sessions, the audit log and the allowed networks.",
      }),
      name_servers: list({
        item: ipAddress,
        fallback: [],
        expected: "a list of IP addresses",
        reason:
          "The name servers that the web role may ask (port 53). Empty: those in /etc/resolv.conf when it starts.",
      }),
    },
  },
  database: {
    reason:
      "PostgreSQL 16 or later. Either `url`, or `owner_url`, `web_url` and `fleet_url`: three logins with rights\n" +
      "of their own, so that a role which is taken over cannot read what belongs to the other.",
    keys: {
      url: optional({
        schema: databaseUrl,
        expected: databaseExpected,
        reason: "One login for everything. Also taken from DATABASE_URL.",
        sample: "postgres://patch_owner@db.example.org:5432/patch_manager",
        secret: true,
      }),
      owner_url: optional({
        schema: databaseUrl,
        expected: databaseExpected,
        reason: "The login that owns the tables and migrates.",
        sample: "postgres://patch_owner@db.example.org:5432/patch_manager",
        secret: true,
      }),
      web_url: optional({
        schema: databaseUrl,
        expected: databaseExpected,
        reason: "The login of the web role.",
        sample: "postgres://patch_web@db.example.org:5432/patch_manager",
        secret: true,
      }),
      fleet_url: optional({
        schema: databaseUrl,
        expected: databaseExpected,
        reason: "The login of the fleet role.",
        sample: "postgres://patch_fleet@db.example.org:5432/patch_manager",
        secret: true,
      }),
      ca_file: optional({
        schema: path,
        expected: "an absolute path",
        reason: "The CA certificate (PEM) that signed the database server's. Unset: the public roots.",
        sample: "/etc/patch-manager/database-ca.crt",
      }),
    },
  },
  agents: {
    reason: "Where managed hosts may be. The fleet role can open connections to these addresses and nowhere else.",
    keys: {
      networks: list({
        item: cidr,
        fallback: ["10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16"],
        expected: 'a list of IPv4 networks like "10.1.0.0/16", each /8 or smaller, without host bits',
        reason: "The default is the private address space (RFC 1918). Naming your own networks is safer.",
      }),
      ports: key({
        form: "numbers",
        schema: z.array(port).min(1).max(16),
        fallback: [12443],
        expected: "a list of 1 to 16 ports, each from 1 to 65535",
        reason: "The ports that agents listen on.",
      }),
      extra_agents: list({
        item: ipAddress,
        fallback: [],
        expected: "a list of IP addresses, without port",
        reason:
          "Hosts outside the networks, one by one. IPv6 hosts belong here: the runtime knows no IPv6 networks.\n" +
          "A change needs a restart of the fleet role, which loses nothing.",
      }),
    },
  },
  pki: {
    reason: "The internal certificate authority.",
    keys: {
      directory: optional({
        schema: folder,
        expected: "an absolute path",
        reason: "Keys and certificates made by the manager (0700). Unset: `pki` below state.directory.",
        sample: "/var/lib/patch-manager/pki",
      }),
    },
  },
  auth: {
    reason: "Signing in.",
    keys: {
      first_admin: key({
        form: "text",
        schema: userName,
        fallback: "admin",
        expected: "1 to 64 lower-case letters, digits, dots, dashes or underscores",
        reason: "The user made at the first start, with a one-time password.",
      }),
    },
  },
  log: {
    reason: "The log goes to standard output.",
    keys: {
      level: key<"debug" | "info" | "warn" | "error">({
        form: "text",
        schema: z.enum(["debug", "info", "warn", "error"]),
        fallback: "info",
        expected: '"debug", "info", "warn" or "error"',
        reason: "Lines below this level are left out.",
      }),
      format: key<"auto" | "json" | "text">({
        form: "text",
        schema: z.enum(["auto", "json", "text"]),
        fallback: "auto",
        expected: '"auto", "json" or "text"',
        reason: "auto: text for a person at a terminal, else one JSON object a line.",
      }),
    },
  },
  state: {
    reason: "What the manager keeps on disk beside the database.",
    keys: {
      directory: key({
        form: "text",
        schema: folder,
        fallback: "/var/lib/patch-manager",
        expected: "an absolute path",
        reason: "Belongs to the service's user, 0700.",
      }),
    },
  },
} as const satisfies Record<string, { reason: string; keys: Record<string, unknown> }>;

type Sections = typeof sections;
type Values<K> = { -readonly [N in keyof K]: K[N] extends Key<infer T> ? T : never };
type AllValues = { -readonly [S in keyof Sections]: Values<Sections[S]["keys"]> };

/** The checked configuration: plain data, so that it can travel in a message. Folders are absolute. */
export type Config = Omit<AllValues, "pki"> & { pki: { directory: string } };

/** A configuration without secrets: what a role gets. */
export type RoleConfig = Omit<Config, "database">;

/** main supervises and migrates, web serves people, fleet talks to hosts. */
export type Role = "main" | "web" | "fleet";

/** The database URL that a role uses: its own login, or the one for everything. null when none is configured. */
export function databaseUrlOf(role: Role, { database }: Config): string | null {
  const own = { main: database.owner_url, web: database.web_url, fleet: database.fleet_url };
  return own[role] ?? database.url;
}

/** Every key as `section.name`, in the order of the file. */
export function allKeys(): { section: string; name: string; key: Key }[] {
  return Object.entries(sections).flatMap(([section, { keys }]) =>
    Object.entries(keys as Record<string, Key>).map(([name, key]) => ({ section, name, key }))
  );
}
