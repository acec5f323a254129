import type { ProgressReader, TransactionProgress } from "../../executor/package_manager.ts";

/**
 * Reads apt's status lines (APT::Status-Fd): `dlstatus:N:PERCENT:text`, `pmstatus:PACKAGE:PERCENT:text`,
 * `pmerror:PACKAGE:PERCENT:text`, `pmconffile:PATH:PERCENT:...`. Downloading counts 30 %, installing 70 %. And those
 * of dpkg by itself (--status-fd), which knows no percentage: `processing: STEP: PACKAGE`,
 * `status: PACKAGE : error : text`, `status: PATH : conffile-prompt : ...`.
 */
export function createStatusReader(): ProgressReader {
  const progress: TransactionProgress = {
    percent: 0,
    phase: "download",
    message: "",
    conffiles_kept: [],
    errors: {},
  };
  let rest = "";
  return {
    progress,
    push(text) {
      const lines = (rest + text).split("\n");
      // A line without end is a line half written; one that never ends is not kept for ever.
      rest = lines.pop()!.slice(0, 65_536);
      for (const line of lines) readLine(line, progress);
      return progress;
    },
  };
}

function readLine(line: string, progress: TransactionProgress): void {
  if (readDpkgLine(line, progress)) return;
  const match = /^(dlstatus|pmstatus|pmerror|pmconffile):(.*?):(\d+(?:\.\d+)?):(.*)$/.exec(line);
  if (!match) return;
  const [, kind, subject, percent, text] = match;
  const share = Math.min(100, Number(percent));
  if (kind === "dlstatus") {
    raise(progress, 0.3 * share);
    if (progress.phase === "download") progress.message = text;
    return;
  }
  progress.phase = "install";
  raise(progress, 30 + 0.7 * share);
  if (kind === "pmstatus") progress.message = text;
  if (kind === "pmerror") addError(progress, subject, text);
  if (kind === "pmconffile") addConffile(progress, subject);
}

function readDpkgLine(line: string, progress: TransactionProgress): boolean {
  const step = /^processing: ([a-z]+): (\S+)$/.exec(line);
  const status = /^status: (.+?)\s*: (error|conffile-prompt) : (.*)$/.exec(line);
  if (step === null && status === null) return /^status: /.test(line);
  progress.phase = "install";
  if (step) progress.message = `${step[1]} ${step[2]}`;
  if (status?.[2] === "error") addError(progress, status[1], status[3]);
  if (status?.[2] === "conffile-prompt") addConffile(progress, status[1]);
  return true;
}

function addError(progress: TransactionProgress, subject: string, text: string): void {
  if (Object.keys(progress.errors).length < 5_000) progress.errors[packageOf(subject)] = text;
}

function addConffile(progress: TransactionProgress, path: string): void {
  if (progress.conffiles_kept.length < 1_000) progress.conffiles_kept.push(path);
}

/** apt names a package here with or without its architecture, or by the path of its archive. */
function packageOf(subject: string): string {
  const file = /([a-z0-9][a-z0-9+.-]*)_[^/]*\.deb$/.exec(subject);
  return file ? file[1] : subject.replace(/:[a-z0-9-]+$/, "");
}

function raise(progress: TransactionProgress, percent: number): void {
  progress.percent = Math.max(progress.percent, Math.min(100, Math.round(percent * 10) / 10));
}
