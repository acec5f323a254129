import type { ComponentChildren } from "preact";
import { RelativeTime } from "./relative_time.tsx";
import { Shape, type ShapeName, type Tone } from "./shape.tsx";

/** How a host answers. */
export type Health = "healthy" | "degraded" | "unreachable" | "pending";

/** States of a job and of its hosts. */
export type JobStateName =
  | "queued"
  | "waiting"
  | "dispatching"
  | "running"
  | "verifying"
  | "rebooting"
  | "succeeded"
  | "failed"
  | "cancelled"
  | "missed"
  | "rolled_back"
  | "unknown";

interface Look {
  tone: Tone;
  shape: ShapeName;
  word: string;
  moving?: boolean;
  /** What the word means, where it is not plain. */
  title?: string;
}

const HEALTH: Record<Health, Look> = {
  healthy: { tone: "ok", shape: "dot", word: "Healthy" },
  degraded: { tone: "warn", shape: "half", word: "Degraded" },
  unreachable: { tone: "bad", shape: "cross", word: "Unreachable" },
  pending: { tone: "off", shape: "ring", word: "Pending", title: "Never asked so far." },
};

const JOB: Record<JobStateName, Look> = {
  queued: { tone: "off", shape: "ring", word: "Queued" },
  waiting: { tone: "off", shape: "ring", word: "Waiting", title: "Waits for its window, wave or an approval." },
  dispatching: { tone: "info", shape: "half", word: "Dispatching", moving: true },
  running: { tone: "info", shape: "half", word: "Running", moving: true },
  verifying: { tone: "info", shape: "half", word: "Verifying", moving: true },
  rebooting: { tone: "warn", shape: "half", word: "Rebooting", moving: true },
  succeeded: { tone: "ok", shape: "dot", word: "Succeeded" },
  failed: { tone: "bad", shape: "cross", word: "Failed" },
  cancelled: { tone: "off", shape: "dash", word: "Cancelled" },
  missed: { tone: "warn", shape: "dash", word: "Missed", title: "Its time passed before it could start." },
  rolled_back: { tone: "warn", shape: "back", word: "Rolled back" },
  unknown: {
    tone: "warn",
    shape: "question",
    word: "Unknown",
    title: "The host may have changed. Read it again; do not repeat the job.",
  },
};

function Status({ look, children }: { look: Look; children?: ComponentChildren }) {
  return (
    <span class={`status tone-${look.tone}`} title={look.title}>
      <Shape name={look.shape} moving={look.moving} />
      <span class="status-word">{look.word}</span>
      {children}
    </span>
  );
}

/** Words of a job's state, for titles and announcements. */
export function jobStateWord(state: JobStateName): string {
  return JOB[state].word;
}

/**
 * A host's health. `since` (RFC 3339) says for how long it has been so; `silentSince` that it did not answer last
 * time, before that makes it unreachable. `now` is the server's time of rendering.
 */
export function HealthStatus(
  { health, since, silentSince, now, zone }: {
    health: Health;
    since?: string | null;
    silentSince?: string | null;
    now?: string;
    zone?: string;
  },
) {
  const bad = health === "unreachable" || health === "degraded";
  const silent = health !== "unreachable" && silentSince;
  const at = silent || (bad ? since : null);
  return (
    <Status look={HEALTH[health]}>
      {at && now && (
        <span class={silent ? "status-note tone-warn-text" : "status-note"}>
          {silent ? "no answer for " : "for "}
          <RelativeTime at={at} now={now} zone={zone} form="age" />
        </span>
      )}
    </Status>
  );
}

/** A job's state, or that of one of its hosts. */
export function JobState({ state }: { state: JobStateName }) {
  return <Status look={JOB[state]} />;
}

/** How far a job is that goes on, as a bar and a number. */
export function JobProgress({ progress }: { progress: number }) {
  return (
    <>
      <progress class="job-progress" max={100} value={progress} aria-label="Progress" />
      <span class="number">{progress} %</span>
    </>
  );
}

/**
 * Whether what the page shows still moves: live, reconnecting, or since when it stands still. A page that has just been
 * opened is connecting, which is no news and looks like none.
 */
export function LiveState(
  { state, since, now, zone }: {
    state: "connecting" | "live" | "reconnecting" | "still";
    since?: string;
    now?: string;
    zone?: string;
  },
) {
  const look: Look = state === "live"
    ? { tone: "ok", shape: "dot", word: "Live" }
    : state === "connecting"
    ? { tone: "off", shape: "ring", word: "Connecting" }
    : state === "reconnecting"
    ? { tone: "warn", shape: "half", word: "Reconnecting", moving: true }
    : { tone: "bad", shape: "cross", word: "Standing still" };
  return (
    <span class="live" role="status">
      <Status look={look}>
        {state !== "live" && since && now && (
          <span class="status-note">
            last change <RelativeTime at={since} now={now} zone={zone} />
          </span>
        )}
      </Status>
    </span>
  );
}
