import { useEffect, useRef, useState } from "preact/hooks";
import { Notice } from "../components/states.tsx";
import { assetUrl } from "../web/island.ts";
import { API_LAYOUT, apiLayout } from "./(_api)/layout.ts";

/** What the script puts into the window. */
interface SwaggerUi {
  (options: Record<string, unknown>): unknown;
  presets: { apis: unknown };
}

/** Where the description of the API lies. */
const DESCRIPTION = "/api/v1/openapi.json";

/**
 * The API description to read and to try out, by Swagger UI. Its script and style are our own assets, it asks nobody
 * outside (no validator), and takes nothing from the page's address.
 */
export default function ApiDocs() {
  const place = useRef<HTMLDivElement>(null);
  const [state, setState] = useState<"loading" | "shown" | "failed">("loading");

  useEffect(() => {
    const style = document.createElement("link");
    style.rel = "stylesheet";
    style.href = assetUrl("swagger-ui.css");
    document.head.append(style);
    const forgetTheme = followTheme();
    let open = true;
    load(assetUrl("swagger-ui.js")).then((swagger) => {
      if (!open || !place.current) return;
      swagger({
        url: DESCRIPTION,
        domNode: place.current,
        presets: [swagger.presets.apis],
        plugins: [apiLayout],
        layout: API_LAYOUT,
        validatorUrl: null,
        queryConfigEnabled: false,
        persistAuthorization: false,
        docExpansion: "none",
        defaultModelsExpandDepth: 0,
        filter: true,
        onComplete: () => setState("shown"),
      });
    }).catch(() => setState("failed"));
    return () => {
      open = false;
      style.remove();
      forgetTheme();
    };
  }, []);

  return (
    <div class="api-docs">
      {state === "loading" && <p class="meta" role="status">Loading the description…</p>}
      {state === "failed" && (
        <Notice tone="bad" title="The page's script could not be loaded">
          Reload the page, or read the description itself: <a href={DESCRIPTION}>{DESCRIPTION}</a>.
        </Notice>
      )}
      <div ref={place} />
    </div>
  );
}

/** Loads it once; it stays when the page is left, and a second visit finds it. */
function load(address: string): Promise<SwaggerUi> {
  const here = globalThis as unknown as { SwaggerUIBundle?: SwaggerUi };
  if (here.SwaggerUIBundle) return Promise.resolve(here.SwaggerUIBundle);
  return new Promise((resolve, reject) => {
    const script = document.createElement("script");
    script.src = address;
    script.addEventListener("load", () => resolve(here.SwaggerUIBundle!));
    script.addEventListener("error", () => reject(new Error(`${address} could not be loaded`)));
    document.head.append(script);
  });
}

/** Swagger UI is dark where the root element says so by a class. */
function followTheme(): () => void {
  const root = document.documentElement;
  const system = matchMedia("(prefers-color-scheme: dark)");
  const apply = () =>
    root.classList.toggle("dark-mode", (root.dataset.theme ?? (system.matches ? "dark" : "")) === "dark");
  apply();
  system.addEventListener("change", apply);
  return () => {
    system.removeEventListener("change", apply);
    root.classList.remove("dark-mode");
  };
}
