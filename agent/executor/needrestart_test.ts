import assert from "node:assert/strict";
import { parseRestartNeeds, readRestartNeeds, RECORDED_NEEDS } from "./needrestart.ts";

const head = "NEEDRESTART-VER: 3.6\nNEEDRESTART-KCUR: 6.1.0-18-amd64\n";
const nothing = { services: [], kernel: null, init: null, known: true };

const cases: [what: string, text: string, expected: ReturnType<typeof parseRestartNeeds>][] = [
  ["nothing was said", "", { ...nothing, known: false }],
  ["words of something else", "E: no such option\nSVC: x\n", { ...nothing, known: false }],
  ["a kernel that it does not know", `${head}NEEDRESTART-KSTA: 0\nNEEDRESTART-UCSTA: 1\n`, nothing],
  ["the newest kernel runs", `${head}NEEDRESTART-KEXP: 6.1.0-18-amd64\nNEEDRESTART-KSTA: 1\n`, nothing],
  ["a build of the same ABI is pending", `${head}NEEDRESTART-KEXP: 6.1.0-18-amd64\nNEEDRESTART-KSTA: 2\n`, {
    ...nothing,
    kernel: "6.1.0-18-amd64",
  }],
  [
    "another kernel and two services, one of them twice",
    `${head}NEEDRESTART-KEXP: 6.1.0-21-amd64\nNEEDRESTART-KSTA: 3\nNEEDRESTART-SVC: ssh.service\nNEEDRESTART-SVC: cron.service\n` +
    "NEEDRESTART-SVC: ssh.service\nNEEDRESTART-SESS: root @ session #3\nNEEDRESTART-CONT: LXC web\n",
    { ...nothing, services: ["cron.service", "ssh.service"], kernel: "6.1.0-21-amd64" },
  ],
  [
    "process 1 of systemd, which is no unit",
    `${head}NEEDRESTART-SVC: ssh.service\nNEEDRESTART-SVC: systemd-manager\n`,
    {
      ...nothing,
      services: ["ssh.service"],
      init: "systemctl daemon-reexec",
    },
  ],
  ["process 1 of System V", `${head}NEEDRESTART-SVC: sysv-init\n`, { ...nothing, init: "telinit u" }],
  ["names of an object's own", `${head}NEEDRESTART-SVC: constructor\n`, { ...nothing, services: ["constructor"] }],
  ["names that are none", `${head}NEEDRESTART-SVC: --now\nNEEDRESTART-SVC: a b\nNEEDRESTART-SVC:\n`, nothing],
  ["an escaped unit", `${head}NEEDRESTART-SVC: systemd-cryptsetup@a\\x2db.service\n`, {
    ...nothing,
    services: ["systemd-cryptsetup@a\\x2db.service"],
  }],
];
for (const [what, text, expected] of cases) {
  Deno.test(`needrestart: ${what}`, () => assert.deepEqual(parseRestartNeeds(text), expected));
}

Deno.test("below a root only its own record counts; without one nothing is known", async () => {
  const root = await Deno.makeTempDir({ dir: "/var/tmp" });
  try {
    assert.deepEqual(await readRestartNeeds(root), { ...nothing, known: false });
    await Deno.mkdir(`${root}/run`);
    await Deno.writeTextFile(root + RECORDED_NEEDS, `${head}NEEDRESTART-KSTA: 1\nNEEDRESTART-SVC: cron.service\n`);
    assert.deepEqual(await readRestartNeeds(root), { ...nothing, services: ["cron.service"] });
  } finally {
    await Deno.remove(root, { recursive: true });
  }
});

Deno.test("a list has an end, whatever was written", () => {
  const text = head + Array.from({ length: 2000 }, (_, index) => `NEEDRESTART-SVC: s${index}.service\n`).join("");
  assert.equal(parseRestartNeeds(text).services.length, 512);
});
