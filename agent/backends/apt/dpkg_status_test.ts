import assert from "node:assert/strict";
import { createStatusReader } from "./status_stream.ts";

/** As dpkg 1.21 writes it for `--configure -a`. */
const lines = `processing: configure: corvid-httpd
status: corvid-httpd: half-configured
status: /etc/corvid/httpd.conf : conffile-prompt : '/etc/corvid/httpd.conf' '/etc/corvid/httpd.conf.dpkg-new' 1 1
status: corvid-httpd: installed
processing: configure: osprey-agent
status: osprey-agent: half-configured
status: osprey-agent : error : installed osprey-agent package post-installation script subprocess returned error exit status 1
processing: trigproc: libc-bin
`;

Deno.test("dpkg's own status lines: what it does, what it kept, what failed", () => {
  for (const size of [1, 7, 1000]) {
    const reader = createStatusReader();
    for (let start = 0; start < lines.length; start += size) reader.push(lines.slice(start, start + size));
    const { progress } = reader;
    assert.deepEqual(progress.conffiles_kept, ["/etc/corvid/httpd.conf"], `chunks of ${size}`);
    assert.deepEqual(Object.keys(progress.errors), ["osprey-agent"]);
    assert.match(progress.errors["osprey-agent"], /exit status 1$/);
    assert.deepEqual([progress.phase, progress.message, progress.percent], ["install", "trigproc libc-bin", 0]);
  }
});

Deno.test("lines that are neither dpkg's nor apt's change nothing", () => {
  const reader = createStatusReader();
  reader.push("status:\nprocessing: x\nstatus: a: b\nnonsense\n: :\nstatus: : error : \n");
  const { phase, errors, conffiles_kept } = reader.progress;
  assert.deepEqual([phase, errors, conffiles_kept], ["download", {}, []]);
});
