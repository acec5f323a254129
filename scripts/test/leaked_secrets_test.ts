import assert from "node:assert/strict";
import { testFolder } from "../../testing/test_folder.ts";
import { leakedSecrets } from "./leaked_secrets.ts";

const TOKEN = "Zm9vYmFyYmF6cXV4LWZvb2JhcmJhei1xdXgtZm9vYmE";

Deno.test("a secret of one test in the log of another is found, whatever stands around it", async () => {
  await using folder = await testFolder("leak-");
  await Deno.writeTextFile(`${folder.path}/kept-1.secrets`, `${TOKEN}\nviolet-harbour-lantern-42\nheron walks along`);
  await Deno.writeTextFile(
    `${folder.path}/kept-2.logs`,
    [
      `{"event":"a.b","message":"nothing"}`,
      `{"event":"a.b","message":"token ${TOKEN} is unknown"}`,
      `{"event":"a.b","path":"/enroll/${TOKEN}/status"}`,
      `cookie __Host-session=${TOKEN}; x`,
      `Bearer lpm_${TOKEN}`,
      `https://h/?ticket=${TOKEN}`,
      `typed violet-harbour-lantern-42 as the name`,
      `{"message":"heron walks along"}`,
      `${TOKEN.slice(1)} is another`,
    ].join("\n"),
  );
  await Deno.writeTextFile(`${folder.path}/other.logs`, TOKEN);
  const { leaks, secrets, lines } = await leakedSecrets(folder.path);
  assert.deepEqual([secrets, lines, leaks.length], [3, 9, 7]);
  assert.ok(leaks.every(({ line }) => line.includes("[SECRET]") && !line.includes(TOKEN) && !line.includes("heron")));
});

Deno.test("a run that kept nothing has leaked nothing", async () => {
  await using folder = await testFolder("leak-");
  assert.deepEqual(await leakedSecrets(folder.path), { leaks: [], secrets: 0, lines: 0 });
});
