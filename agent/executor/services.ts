import type { Service } from "../../protocol/api.ts";
import { ServiceName } from "../../protocol/executor.ts";
import { readProgram } from "./read_program.ts";

/** What the init system says about its services. */
export interface Services {
  /**
   * @param name as the init system knows it, `.service` may be left out
   * @returns null when there is none of that name, when the name is not one, or without an init system that we know
   */
  service(name: string): Promise<Service | null>;
}

/** Exactly these; everything else that systemd would tell (environment, command lines) stays on the host. */
const properties = ["Id", "Description", "ActiveState", "SubState", "LoadState", "UnitFileState", "MainPID", "Type"];
/** systemd's other kinds of units: they are not services. */
const OTHER_UNIT = /\.(?:socket|target|timer|mount|automount|device|swap|path|slice|scope)$/;

/**
 * Asks systemd first, then OpenRC. Reading only.
 * @param root with one there are no services: nothing is started below a folder
 */
export function createServices(root: string | null): Services {
  return {
    async service(name) {
      if (root !== null || !isServiceName(name)) return null;
      return await askSystemd(name) ?? await askOpenRc(name);
    },
  };
}

/** True for what may stand behind `--` of systemctl: no option, no path, no pattern, and a service. */
export function isServiceName(name: string): boolean {
  return ServiceName.safeParse(name).success && !OTHER_UNIT.test(name);
}

async function askSystemd(name: string): Promise<Service | null> {
  const unit = name.endsWith(".service") ? name : `${name}.service`;
  const answer = await readProgram("/usr/bin/systemctl", [
    ...["show", "--no-pager", `--property=${properties.join(",")}`, "--"],
    unit,
  ]);
  return answer === null || answer.code !== 0 ? null : parseSystemdUnit(answer.stdout);
}

/** OpenRC is asked for all services: so no name ever becomes an argument, and no script of a service runs. */
async function askOpenRc(name: string): Promise<Service | null> {
  const answer = await readProgram("/sbin/rc-status", ["--nocolor", "--servicelist"]);
  return answer === null ? null : parseOpenRcList(answer.stdout, name.replace(/\.service$/, ""));
}

/** Reads `systemctl show`: `Key=value` lines. Null for a unit that systemd does not have. */
export function parseSystemdUnit(text: string): Service | null {
  const values = new Map<string, string>();
  for (const line of text.split("\n")) {
    const equals = line.indexOf("=");
    if (equals > 0) values.set(line.slice(0, equals), line.slice(equals + 1).trim());
  }
  const id = values.get("Id");
  const load_state = values.get("LoadState");
  const active_state = values.get("ActiveState");
  if (!id || !active_state || load_state === "not-found") return null;
  const main_pid = Number(values.get("MainPID"));
  return {
    name: id.slice(0, 256),
    display_name: values.get("Description")?.slice(0, 512) || null,
    active_state: active_state.slice(0, 64),
    sub_state: values.get("SubState")?.slice(0, 64) || null,
    load_state: load_state?.slice(0, 64) || null,
    enabled_state: values.get("UnitFileState")?.slice(0, 64) || null,
    main_pid: Number.isSafeInteger(main_pid) && main_pid > 0 ? main_pid : null,
    healthy: health(active_state, values.get("Type") ?? ""),
  };
}

/** One that has done its work and ended is neither healthy nor ill; one that comes up or goes down is not yet either. */
function health(active_state: string, type: string): boolean | null {
  if (active_state === "active" || active_state === "reloading") return true;
  if (active_state === "activating" || active_state === "deactivating") return null;
  return active_state === "inactive" && type === "oneshot" ? null : false;
}

/** Reads `rc-status --servicelist`: ` sshd    [  started 01:02:03 (0) ]`. */
export function parseOpenRcList(text: string, name: string): Service | null {
  for (const line of text.split("\n")) {
    const match = /^\s*(\S+)\s+\[\s*([a-z]+)\b[^\]]*\]\s*$/.exec(line);
    if (match?.[1] !== name) continue;
    const state = match[2];
    return {
      name: name.slice(0, 256),
      display_name: null,
      active_state: state === "started" ? "active" : state === "crashed" ? "failed" : "inactive",
      sub_state: state.slice(0, 64),
      load_state: "loaded",
      enabled_state: null,
      main_pid: null,
      healthy: state === "started" ? true : state === "starting" || state === "stopping" ? null : false,
    };
  }
  return null;
}
