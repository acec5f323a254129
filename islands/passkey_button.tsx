import { startAuthentication, startRegistration } from "@simplewebauthn/browser";
import { useState } from "preact/hooks";
import { Button, type ButtonKind } from "../components/button.tsx";
import { Notice } from "../components/states.tsx";
import { callApi, Refused } from "./(_live)/api.ts";

interface Props {
  /** Id of the form that is sent with the passkey's answer, as the field `response`. */
  form: string;
  /** Where it is sent, instead of the form's own address. */
  action: string;
  /** use: a passkey that is registered. make: one more. */
  act: "use" | "make";
  label: string;
  kind?: ButtonKind;
  /** The only address under which passkeys work here. */
  origin: string;
}

/** Asks the browser for a passkey and sends its answer with a form of the page. Without script it is not shown. */
export default function PasskeyButton({ form, action, act, label, kind, origin }: Props) {
  const [asking, setAsking] = useState(false);
  const [problem, setProblem] = useState<{ title: string; hint: string } | null>(null);
  const begin = async () => {
    const target = document.getElementById(form) as HTMLFormElement;
    if (act === "make" && !target.reportValidity()) return;
    if (location.origin !== origin) {
      return setProblem({ title: `Passkeys work under ${origin} only.`, hint: "Open this page there." });
    }
    setProblem(null);
    setAsking(true);
    try {
      const answer = act === "use"
        ? await startAuthentication({ optionsJSON: await callApi("POST", "/auth/passkey/options") })
        : await startRegistration({ optionsJSON: await callApi("POST", "/auth/factors/passkeys/options") });
      send(target, action, JSON.stringify(answer));
    } catch (thrown) {
      setAsking(false);
      setProblem(wordsOf(thrown, act));
    }
  };
  return (
    <div class="passkey">
      <Button kind={kind} icon="key-round" wide onClick={begin} disabled={asking}>
        {asking ? "Waiting for your passkey" : label}
      </Button>
      {problem && <Notice tone="bad" title={problem.title}>{problem.hint}</Notice>}
    </div>
  );
}

function send(form: HTMLFormElement, action: string, answer: string): void {
  const field = form.querySelector<HTMLInputElement>("input[name=response]") ?? document.createElement("input");
  field.type = "hidden";
  field.name = "response";
  field.value = answer;
  form.append(field);
  form.action = action;
  // Not requestSubmit: what is left empty is what the passkey stands for.
  form.submit();
}

function wordsOf(thrown: unknown, act: Props["act"]): { title: string; hint: string } {
  if (thrown instanceof Refused) return { title: thrown.message, hint: thrown.hint };
  const name = thrown instanceof Error ? thrown.name : "";
  if (name === "InvalidStateError") {
    return { title: "This device or key is registered already.", hint: "Use another one." };
  }
  if (name === "NotAllowedError" || name === "AbortError") {
    const hint = act === "use" ? "Try again, or prove in another way who you are." : "Try again.";
    return { title: "No passkey came back: it was cancelled, or took too long.", hint };
  }
  return { title: "This browser could not use a passkey.", hint: "Try another browser, or use an authenticator app." };
}
