/** Tones of status: each has a foreground, ground and line of at least 4.5:1 in both themes. */
export type Tone = "ok" | "warn" | "bad" | "info" | "off" | "mark";

/** Shapes that tell states apart without colour. */
export type ShapeName = "dot" | "half" | "ring" | "cross" | "dash" | "question" | "back";

/** Draws a state's shape in the colour of its tone. `moving` is for work under way. */
export function Shape({ name, moving }: { name: ShapeName; moving?: boolean }) {
  return (
    <svg class={moving ? "shape shape-moving" : "shape"} viewBox="0 0 10 10" aria-hidden="true" focusable="false">
      {drawing(name)}
    </svg>
  );
}

function drawing(name: ShapeName) {
  const line = { fill: "none", stroke: "currentColor", "stroke-width": 1.6, "stroke-linecap": "round" as const };
  switch (name) {
    case "dot":
      return <circle cx="5" cy="5" r="4.5" fill="currentColor" />;
    case "half":
      return (
        <>
          <circle cx="5" cy="5" r="4" {...line} />
          <path d="M5 1a4 4 0 0 1 0 8z" fill="currentColor" />
        </>
      );
    case "ring":
      return <circle cx="5" cy="5" r="4" {...line} />;
    case "cross":
      return <path d="M1.5 1.5l7 7M8.5 1.5l-7 7" {...line} stroke-width={2.2} />;
    case "dash":
      return (
        <>
          <circle cx="5" cy="5" r="4" {...line} stroke-width={1.2} />
          <path d="M2.8 5h4.4" {...line} stroke-width={1.4} />
        </>
      );
    case "question":
      return (
        <>
          <path d="M2.8 3.2a2.2 2.2 0 1 1 3.3 2c-.8.5-1.1.8-1.1 1.6" {...line} />
          <circle cx="5" cy="9" r="0.95" fill="currentColor" />
        </>
      );
    case "back":
      return <path d="M3.5 1.5L1.2 4l2.3 2.5M1.5 4h4.7a2.3 2.3 0 0 1 0 4.7H3.8" {...line} stroke-width={1.4} />;
  }
}
