import type { LoadedConfig } from "../core/config/load_config.ts";
import { readFile } from "../core/config/machine.ts";
import { isIP } from "node:net";
import { type Places } from "../core/permissions.ts";
import type { Program } from "./program.ts";

/** The places of this machine for {@link rolePermissions}. */
export function placesOf(program: Program, loaded: LoadedConfig): Places {
  return {
    root: program.root,
    files: [...loaded.file === null ? [] : [loaded.file], ...loaded.secret_files],
    name_servers: machineNameServers(),
  };
}

function machineNameServers(): string[] {
  const read = readFile("/etc/resolv.conf");
  return "problem" in read ? [] : nameServersIn(read.text);
}

/** The name servers of a resolv.conf (resolv.conf(5): at most three count); a zone (`fe80::1%eth0`) is left out. */
export function nameServersIn(text: string): string[] {
  return [...text.matchAll(/^nameserver[ \t]+(\S+)/gm)].map(([, address]) => address).filter((address) =>
    isIP(address) !== 0 && !address.includes("%")
  ).slice(0, 3);
}
