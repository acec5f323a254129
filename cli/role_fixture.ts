import { runRole } from "../core/role.ts";

/**
 * A role that misbehaves as supervisor_test.ts asks for it. What to do travels in `config.server.public_url`, the one
 * free text of the start message.
 */
let trick = "";
let reloads = 0;
let beats = 0;

runRole(
  "web",
  {
    start({ config, loop, signal }) {
      trick = config.server.public_url ?? "";
      if (trick === "refuse") throw Object.assign(new Error("the door is locked"), { hint: "Open it." });
      if (trick === "throw") {
        queueMicrotask(() => {
          throw new Error("out of the blue");
        });
      }
      if (trick === "hang") { while (true); }
      if (trick === "stall") loop("poller", 1);
      if (trick === "turn") {
        const turned = loop("poller", 60_000);
        const timer = setInterval(turned, 10);
        signal.addEventListener("abort", () => clearInterval(timer));
      }
      return Promise.resolve({ address: "127.0.0.1:1" });
    },
    stop: () => trick === "linger" ? new Promise(() => {}) : Promise.resolve(),
    reload({ config }) {
      reloads++;
      return config.server.public_url === "bad" ? Promise.reject(new Error("cannot")) : Promise.resolve();
    },
    metrics: () => ({ reloads, beats: ++beats }),
  },
  undefined,
  100,
);
