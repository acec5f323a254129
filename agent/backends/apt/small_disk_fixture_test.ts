import assert from "node:assert/strict";
import { type Bed, sandboxTest } from "./sandbox_fixture_test.ts";

const mountable = Deno.uid() === 0 && Deno.build.os === "linux" && await tryMount();
const required = Deno.uid() === 0 && Deno.env.get("TEST_REQUIRE") === "all";

async function tryMount(): Promise<boolean> {
  const folder = await Deno.makeTempDir({ dir: "/var/tmp" });
  try {
    const { success } = await mount(folder, "size=64k");
    if (success) await new Deno.Command("umount", { args: [folder] }).output();
    return success;
  } catch {
    return false;
  } finally {
    await Deno.remove(folder);
  }
}

function mount(folder: string, options: string): Promise<Deno.CommandOutput> {
  return new Deno.Command("mount", { args: ["-t", "tmpfs", "-o", options, "small", folder] }).output();
}

/** A test with filesystems of its own on a sandbox host; left out, with the reason, for whoever may not mount. */
export function mountTest(name: string, body: (bed: Bed) => Promise<void>): void {
  if (mountable || required) sandboxTest(name, body);
  else Deno.test.ignore(`${name} (left out: only root may mount here)`, () => {});
}

/** Mounts a small filesystem in memory, made with these options, for the time of the body. */
export async function withMount(folder: string, options: string, body: () => Promise<void>): Promise<void> {
  await Deno.mkdir(folder, { recursive: true });
  const mounted = await mount(folder, options);
  assert.ok(mounted.success, new TextDecoder().decode(mounted.stderr));
  try {
    await body();
  } finally {
    assert.ok((await new Deno.Command("umount", { args: [folder] }).output()).success);
  }
}
