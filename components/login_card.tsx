import type { ComponentChildren } from "preact";
import { assetUrl } from "../web/island.ts";

/** The page of people who are not signed in: mark, what to do, a form, and who to ask. */
export function LoginCard(
  { title, words, foot, wide, children }: {
    title: string;
    words?: ComponentChildren;
    foot?: ComponentChildren;
    /** For what does not fit beside each other else: recovery codes. */
    wide?: boolean;
    children: ComponentChildren;
  },
) {
  return (
    <div class="login">
      <main class={wide ? "login-card login-card-wide" : "login-card"}>
        <header class="login-head">
          <img src={assetUrl("mark.svg")} alt="Linux Patch Manager" width="36" height="36" />
          <h1>{title}</h1>
          {words && <p>{words}</p>}
        </header>
        {children}
      </main>
      <footer class="login-foot">{foot}</footer>
    </div>
  );
}
