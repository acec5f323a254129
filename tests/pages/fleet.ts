import { Health, PackageList, PatchList, SystemInfo } from "../../protocol/api.ts";
import { type Clock, systemClock } from "../../core/clock.ts";
import { transaction } from "../../core/database/connection.ts";
import { createHost } from "../../core/hosts/create_host.ts";
import { claimDuePolls } from "../../core/hosts/claim_due_polls.ts";
import { finishPoll } from "../../core/hosts/finish_poll.ts";
import { recordPollFailure } from "../../core/hosts/record_poll_failure.ts";
import { uuidv7 } from "../../core/ids.ts";
import { recordHealth } from "../../core/patches/record_health.ts";
import { recordRefusal } from "../../core/patches/record_refusal.ts";
import { recordReport } from "../../core/patches/record_report.ts";
import type { TestDatabase } from "../../testing/database.ts";
import { UPDATES, updates } from "./updates.ts";

/** Moves the scenario's present: what is written meanwhile looks that many minutes old. */
export class Past implements Clock {
  #back = 0;
  constructor(private readonly database: TestDatabase) {}
  now(): Temporal.Instant {
    return systemClock.now().subtract({ seconds: Math.round(this.#back * 60) });
  }
  async at(minutes_ago: number): Promise<void> {
    this.#back = minutes_ago;
    await this.database.setNow(minutes_ago === 0 ? null : this.now());
  }
}

const SYSTEMS = {
  debian: { os: "Debian GNU/Linux", os_id: "debian", os_version: "12", kernel: "6.1.0-26-amd64" },
  ubuntu: { os: "Ubuntu", os_id: "ubuntu", os_version: "24.04.3 LTS", kernel: "6.8.0-45-generic" },
  raspbian: { os: "Raspberry Pi OS", os_id: "raspbian", os_version: "12", kernel: "6.6.51+rpt-rpi-v8" },
} as const;

/** One host of the scenario; what is absent is as on a healthy host without updates. */
export interface HostPlan {
  name: string;
  address: string;
  display_name?: string;
  tags?: string[];
  notes?: string;
  groups?: string[];
  system?: keyof typeof SYSTEMS;
  simulated?: boolean;
  updates?: typeof UPDATES;
  problems?: string[];
  reboot?: string[];
  index_age_minutes?: number;
  /** Minutes since its last answer. */
  seen?: number;
  /** Silent for so many minutes. */
  silent?: { minutes: number; reason: string };
  refused?: string;
  index_error?: string;
  never_asked?: boolean;
}

/** Registers a host and lets it answer as the plan says. */
export async function addPlannedHost(database: TestDatabase, past: Past, plan: HostPlan): Promise<string> {
  await past.at(60 * 24 * 90);
  const id = await transaction(database.web, (tx) =>
    createHost(tx, {
      fqdn: plan.name,
      address: plan.address,
      port: 12_443,
      tls_name: plan.name,
      display_name: plan.display_name,
      tags: plan.tags,
      notes: plan.notes,
      source: "enrolment",
      viewer: null,
      granted_group_ids: plan.groups,
      first_poll_at: past.now(),
    }, past));
  if (plan.never_asked) return id;
  if (plan.silent) {
    await answer(database, past, id, { ...plan, seen: plan.silent.minutes + 2 });
    await past.at(plan.silent.minutes);
    await recordPollFailure(database.fleet, id, "health", plan.silent.reason, past);
    if (plan.silent.minutes < 1) return id;
    await past.at(plan.silent.minutes - 1);
    await recordPollFailure(database.fleet, id, "health", plan.silent.reason, past);
    return id;
  }
  // Problems begin after a good report, so that "for 3 h" has something to count from.
  if (plan.problems || plan.refused) {
    await answer(database, past, id, { ...plan, problems: [], seen: 200 });
    await past.at(180);
    if (plan.refused) await recordRefusal(database.fleet, id, plan.refused, past);
    else await answer(database, past, id, { ...plan, seen: 180 });
  }
  if (!plan.refused) await answer(database, past, id, plan);
  return id;
}

/** Lets a host answer, as if the fleet role had just polled it. */
export async function answer(database: TestDatabase, past: Past, id: string, plan: HostPlan): Promise<void> {
  const { seen = 3, updates = [], problems = [], index_age_minutes = 24, reboot } = plan;
  await past.at(seen);
  const received_at = past.now();
  const number = Number.parseInt(id.slice(-3), 16);
  const { os, os_id, os_version, kernel } = SYSTEMS[plan.system ?? "debian"];
  await transaction(database.fleet, (tx) =>
    recordHealth(tx, id, {
      health: Health.parse({
        status: problems.length > 0 ? "degraded" : "healthy",
        version: "0.1.0",
        uptime_seconds: 86_400 * 31,
        problems,
        agent: { name: "patch-agent", simulated: plan.simulated },
      }),
      info: SystemInfo.parse({
        hostname: plan.name.split(".")[0],
        os,
        os_id,
        os_version,
        kernel,
        architecture: plan.system === "raspbian" ? "arm64" : "amd64",
        package_manager: { name: "apt", version: "2.6.1" },
        boot_time: received_at.subtract({ hours: 24 * 31 }).toString(),
        pending_reboot: reboot !== undefined,
        reboot_reasons: reboot,
      }),
      received_at,
      certificate_expires_at: received_at.add({ hours: 24 * 71 }),
    }, past));
  const patches = PatchList.parse({
    patches: updates,
    index_age_seconds: (index_age_minutes + number % 30) * 60,
    index_error: plan.index_error,
    state: "ok",
  });
  const installed = [
    ...updates.map(({ name, arch, current_version, available_version, state, size_bytes }) => ({
      name,
      arch,
      version: current_version,
      latest_version: available_version,
      held: state === "held",
      size_bytes,
      source_package: name,
    })),
    ...Array.from({ length: 240 + number % 90 }, (_, index) => ({
      name: `lib${["alpha", "boost", "core", "data", "event"][index % 5]}-module${index}`,
      arch: "amd64",
      version: `2.${index}.1-1`,
      size_bytes: 20_000 + index * 977,
      source_package: "modules",
    })),
  ];
  const { packages } = PackageList.parse({ packages: installed });
  await recordReport(database.fleet, id, { patches, packages, etags: { patches: null, packages: null } }, {
    received_at,
  });
}

/** All polls were asked lately and stand in their slots, as after hours of operation. */
export async function settlePolls(database: TestDatabase, past: Past, except: string[]): Promise<void> {
  await past.at(0);
  for (const poll of await claimDuePolls(database.fleet, { limit: 1_000, lease_ms: 60_000 })) {
    if (except.includes(poll.host_id)) continue;
    await finishPoll(
      database.fleet,
      poll,
      { ok: true, duration_ms: 84 },
      poll.kind === "health" ? 300_000 : 1_800_000,
      past,
    );
  }
  await past.at(0);
}

const few = (...names: string[]) => updates(...names);
const REBOOT = ["The running kernel 6.1.0-26-amd64 is older than the installed 6.1.0-40-amd64."];

function plans(groups: { web: string; data: string }): Record<string, HostPlan> {
  const web = (number: number, plan: Partial<HostPlan> = {}): HostPlan => ({
    name: `web-${String(number).padStart(2, "0")}.example.org`,
    address: `10.20.1.${10 + number}`,
    groups: [groups.web],
    tags: ["frontend"],
    simulated: true,
    ...plan,
  });
  const common = few("openssl", "libssl3", "curl", "libcurl4", "tzdata", "base-files");
  const list: Record<string, HostPlan> = {
    many: {
      name: "build-01.example.org",
      address: "10.20.4.17",
      display_name: "Build server",
      updates: UPDATES,
      reboot: REBOOT,
      tags: ["ci", "not customer facing"],
      notes: "Ask the platform team before a reboot: nightly builds run until 06:30.",
    },
    real: {
      name: "sandbox.example.org",
      address: "127.0.0.1",
      updates: few("openssl", "libssl3", "curl", "tzdata", "less"),
      groups: [groups.web],
    },
    degraded: {
      name: "db-01.example.org",
      address: "10.20.2.11",
      groups: [groups.data],
      problems: ["The package manager was interrupted. Finish it on the host (apt: dpkg --configure -a)."],
      updates: few("openssl", "libssl3", "postgresql-15", "postgresql-client-15", "libxml2"),
      simulated: true,
    },
    disk: {
      name: "db-02.example.org",
      address: "10.20.2.12",
      groups: [groups.data],
      problems: [
        "The disk is nearly full: 212 MiB free on /var, 1.4 GiB are needed. Free some space on the host.",
        "The host's clock is wrong by 94 s. Check its time synchronisation.",
      ],
      updates: few("openssl", "libssl3"),
      simulated: true,
    },
    unreachable: {
      name: "mail-01.example.org",
      address: "10.20.3.5",
      updates: few("openssl", "libgnutls30", "exim4-base"),
      silent: { minutes: 187, reason: "connection refused. Start it on the host: systemctl start patch-agent" },
      simulated: true,
    },
    gone: {
      name: "edge-router-03.frankfurt.production.cluster-internal.infrastructure.example.org",
      address: "2001:db8:40:2:f816:3eff:fe4d:91aa",
      updates: few("bind9-libs", "nftables"),
      silent: { minutes: 60 * 24 * 6, reason: "no route to host" },
      simulated: true,
    },
    silent: {
      name: "web-07.example.org",
      address: "10.20.1.17",
      groups: [groups.web],
      updates: common,
      silent: { minutes: 0.5, reason: "no answer within 10 s" },
      simulated: true,
    },
    pending: { name: "new-arrival.example.org", address: "10.20.9.2", never_asked: true },
    refused: {
      name: "legacy-erp.example.org",
      address: "10.20.5.40",
      updates: few("sudo", "openssh-server"),
      refused: "patches.17.available_version is 300 characters long, at most 256 are taken.",
      simulated: true,
    },
    stale: {
      name: "warehouse-scanner-gateway.example.org",
      address: "10.20.6.3",
      system: "raspbian",
      updates: few("openssl", "libxml2"),
      index_age_minutes: 60 * 24 * 5,
      index_error: "Err:1 http://archive.raspberrypi.com/debian bookworm InRelease: Temporary failure resolving.",
      simulated: true,
    },
    reboot: { name: "proxy-01.example.org", address: "10.20.1.100", reboot: REBOOT, simulated: true },
    unicode: {
      name: "muenchen-lager.example.org",
      address: "10.20.6.9",
      display_name: "Lagerverwaltung München (Łódź-Anbindung)",
      system: "ubuntu",
      updates: few("git", "wget"),
      simulated: true,
    },
  };
  for (let number = 1; number <= 6; number++) {
    list[`web${number}`] = web(number, {
      updates: number === 6 ? [] : common,
      system: number > 4 ? "ubuntu" : "debian",
    });
  }
  for (let number = 1; number <= 8; number++) {
    list[`app${number}`] = {
      name: `app-${number}.staging.example.org`,
      address: `10.20.8.${number}`,
      system: "ubuntu",
      updates: number % 3 === 0
        ? []
        : few("python3.11", "git", "rsync", "vim-common", "vim-tiny").slice(0, number % 5 + 1),
      reboot: number === 5 ? ["libc6 was updated: restart the host, or every service on it."] : undefined,
      seen: number,
      simulated: true,
    };
  }
  for (let number = 1; number <= 4; number++) {
    list[`sensor${number}`] = {
      name: `sensor-${number}.field.example.org`,
      address: `2001:db8:80::${number}`,
      system: "raspbian",
      updates: number === 2 ? few("openssh-server", "tzdata") : [],
      simulated: true,
    };
  }
  return list;
}

/** Ids by the names of {@link plans}. */
export interface Fleet {
  groups: { web: string; data: string };
  hosts: Record<string, string>;
}

/** Thirty hosts of every kind, as months of operation leave them. */
export async function seedFleet(database: TestDatabase, past: Past): Promise<Fleet> {
  const groups = { web: uuidv7(past), data: uuidv7(past) };
  await database.sql`
    insert into groups (id, name, created_at)
    values (${groups.web}, 'Web tier', ${past.now()}), (${groups.data}, 'Databases', ${past.now()})`;
  const hosts: Record<string, string> = {};
  for (const [key, plan] of Object.entries(plans(groups))) hosts[key] = await addPlannedHost(database, past, plan);
  await settlePolls(database, past, [hosts.pending]);
  return { groups, hosts };
}
