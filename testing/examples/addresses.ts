import { get, type Topic } from "./topic.ts";

/** Tests come from 127.0.0.1; a list without it is refused. */
const networks = [{ network: "127.0.0.0/8", note: "tests" }, { network: "2001:db8::/32", note: "" }];

/** Routes of networks that may come in. */
export default {
  api: {
    "GET /api/v1/allowed-networks": get("/api/v1/allowed-networks"),
    "PUT /api/v1/allowed-networks": {
      request: () => ({ method: "PUT", path: "/api/v1/allowed-networks", json: { networks } }),
      status: 200,
    },
  },
  forms: {
    "POST /settings/addresses": () => ({
      path: "/settings/addresses",
      fields: [["networks", "127.0.0.0/8 tests\n2001:db8::/32"]],
    }),
  },
} satisfies Topic;
