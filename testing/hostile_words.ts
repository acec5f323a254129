/** Words of a host that want to be more than words, for wherever a page shows them. */
export const HOSTILE_WORDS = {
  image: '<img src=x onerror="window.hacked=1">',
  script: "</script><script>window.hacked=1</script>",
  attribute: `" autofocus onfocus="window.hacked=1" x='`,
  vector: "<svg/onload=window.hacked=1><base href=//evil.example>",
  template: "{{constructor.constructor('window.hacked=1')()}} ${window.hacked=1}",
  link: "javascript:window.hacked=1",
  frame: '<iframe srcdoc="<script>parent.hacked=1</script>"></iframe><style>*{display:none}</style>',
  right_to_left: "libsafe\u202egpj.exe\u2066 \u200fend",
  terminal: "\u001b[31mred\u001b[0m \u001b]0;title\u0007 \u009b2J",
  zero_width: "ad\u200bmin\u200d \ufeffroot\u00ad",
  homoglyph: "Dеbіаn GNU/Linuх (Cyrillic)",
  surrogate: "half \ud83d of it",
  long: "W".repeat(10_000),
} as const;

/** All of them, each cut to `max`, turn by turn. */
export function hostileWords(max: number): () => string {
  const all = Object.values(HOSTILE_WORDS);
  let next = 0;
  return () => all[next++ % all.length].slice(0, max);
}

/** What must be nowhere in the text of a page: it would steer a terminal, turn a line around, or not be seen. */
export const UNSEEN =
  // deno-lint-ignore no-control-regex -- they are what is looked for
  /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u00ad\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff]/;
