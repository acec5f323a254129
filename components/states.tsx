import type { ComponentChildren } from "preact";
import { Icon, type IconName } from "./icon.tsx";
import type { Tone } from "./shape.tsx";

/** Nothing here so far: says why, and what to do next. */
export function EmptyState(
  { title, icon = "inbox", steps, command, actions, children }: {
    title: string;
    icon?: IconName;
    /** What to do, one after the other. */
    steps?: ComponentChildren[];
    /** A command to run, shown to be copied. */
    command?: string;
    actions?: ComponentChildren;
    children?: ComponentChildren;
  },
) {
  return (
    <section class="empty">
      <Icon name={icon} />
      <h2>{title}</h2>
      {children && <p>{children}</p>}
      {steps && <ol class="empty-steps">{steps.map((step, index) => <li key={index}>{step}</li>)}</ol>}
      {command && <pre tabIndex={0} aria-label="Command"><code>{command}</code></pre>}
      {actions && <div class="empty-actions">{actions}</div>}
    </section>
  );
}

/** Something failed: what is, what to do, and the id that finds it in the log. `page` makes the title an h1. */
export function ErrorState(
  { title, hint, requestId, actions, page }: {
    title: string;
    hint?: ComponentChildren;
    requestId?: string;
    actions?: ComponentChildren;
    page?: boolean;
  },
) {
  return (
    <section class="empty failure" role={page ? undefined : "alert"}>
      <Icon name="circle-alert" />
      {page ? <h1>{title}</h1> : <h2>{title}</h2>}
      {hint && <p>{hint}</p>}
      {requestId && (
        <p class="meta">
          Request id <code class="mono">{requestId}</code>
        </p>
      )}
      {actions && <div class="empty-actions">{actions}</div>}
    </section>
  );
}

/** Stands where rows will be, as high as they, so that nothing moves when they come. */
export function Skeleton({ label, rows = 6 }: { label: string; rows?: number }) {
  return (
    <div class="skeleton" role="status" aria-busy="true">
      <span class="visually-hidden">{label}</span>
      {Array.from({ length: rows }, (_, index) => (
        <div key={index} class="skeleton-row" aria-hidden="true">
          <i />
          <i />
          <i />
        </div>
      ))}
    </div>
  );
}

const NOTICE: Record<Exclude<Tone, "off" | "mark">, IconName> = {
  ok: "circle-check",
  warn: "triangle-alert",
  bad: "circle-alert",
  info: "info",
};

/** A message within the page. Bad ones are announced at once. */
export function Notice(
  { tone, title, children }: { tone: keyof typeof NOTICE; title?: string; children?: ComponentChildren },
) {
  return (
    <div class={`notice tone-${tone}`} role={tone === "bad" ? "alert" : undefined}>
      <Icon name={NOTICE[tone]} />
      <div>
        {title && <strong class="notice-title">{title}</strong>} {children}
      </div>
    </div>
  );
}

/** Short messages that come and go at the lower edge; an island fills the list. */
export function Toasts({ toasts }: { toasts: { id: string; tone: keyof typeof NOTICE; words: ComponentChildren }[] }) {
  return (
    <div class="toasts" role="status">
      {toasts.map(({ id, tone, words }) => (
        <div key={id} class={`toast tone-${tone}`}>
          <Icon name={NOTICE[tone]} />
          <div>{words}</div>
        </div>
      ))}
    </div>
  );
}
