import { makeCertificate, makeGroup, makeHost, ownAddress } from "./make.ts";
import { type Example, get, type MakeForm, type MakePath, type Topic } from "./topic.ts";

const ofHost = (tail: string): Example => ({
  request: async (site) => ({ path: `/api/v1/hosts/${await makeHost(site)}${tail}` }),
  status: 200,
});
const formOfHost = (tail: string, fields: [string, string][] = []): MakeForm => async (site) => ({
  path: `/hosts/${await makeHost(site)}/${tail}`,
  fields,
});
const pageOfHost = (tail: string): MakePath => async (site) => `/hosts/${await makeHost(site)}${tail}`;

export default {
  api: {
    "GET /api/v1/hosts": get("/api/v1/hosts?search=host&sort=-security&limit=2"),
    "POST /api/v1/hosts": {
      request: () => ({ method: "POST", path: "/api/v1/hosts", json: { address: ownAddress(), tags: ["web"] } }),
      status: 201,
    },
    "GET /api/v1/hosts/:id": ofHost(""),
    "DELETE /api/v1/hosts/:id": {
      request: async (site) => ({ method: "DELETE", path: `/api/v1/hosts/${await makeHost(site)}` }),
      status: 200,
    },
    "PATCH /api/v1/hosts/:id": {
      request: async (site) => ({
        method: "PATCH",
        path: `/api/v1/hosts/${await makeHost(site)}`,
        json: { display_name: "Build server", notes: "Ask the platform team.", tags: ["ci"] },
      }),
      status: 200,
    },
    "POST /api/v1/hosts/refresh": {
      request: async (site) => ({
        method: "POST",
        path: "/api/v1/hosts/refresh",
        json: { host_ids: [await makeHost(site)], kinds: ["patches"], max_index_age: 0 },
      }),
      status: 202,
    },
    "POST /api/v1/hosts/:id/refresh": {
      request: async (site) => ({ method: "POST", path: `/api/v1/hosts/${await makeHost(site)}/refresh`, json: {} }),
      status: 202,
    },
    "GET /api/v1/hosts/:id/patches": ofHost("/patches?security=true&sort=size"),
    "GET /api/v1/hosts/:id/packages": ofHost("/packages?upgradable=false"),
    "GET /api/v1/hosts/:id/jobs": ofHost("/jobs?limit=5"),
    "GET /api/v1/hosts/:id/groups": ofHost("/groups"),
    "DELETE /api/v1/hosts/:id/groups": {
      request: async (site) => {
        const { group_id, host_id } = await makeGroup(site);
        return { method: "DELETE", path: `/api/v1/hosts/${host_id}/groups?group_id=${group_id}` };
      },
      status: 200,
    },
    "GET /api/v1/hosts/:id/client.crt": {
      request: async (site) => {
        const host_id = await makeHost(site);
        await makeCertificate(site, host_id);
        return { path: `/api/v1/hosts/${host_id}/client.crt` };
      },
      status: 200,
    },
  },
  forms: {
    "POST /hosts/new": () => ({ path: "/hosts/new", fields: [["address", ownAddress()], ["port", "12443"]] }),
    "POST /hosts/:id/edit": formOfHost("edit", [["display_name", "Build server"], ["tags", "ci"], ["notes", ""]]),
    "POST /hosts/:id/refresh": formOfHost("refresh"),
    "POST /hosts/:id/remove": formOfHost("remove"),
  },
  pages: {
    "GET /hosts/:id": pageOfHost(""),
    "GET /hosts/:id/edit": pageOfHost("/edit"),
  },
  silent: {
    "POST /api/v1/hosts/refresh": "a host is asked sooner than it would be anyway",
    "POST /api/v1/hosts/:id/refresh": "a host is asked sooner than it would be anyway",
    "POST /hosts/:id/refresh": "a host is asked sooner than it would be anyway",
  },
} satisfies Topic;
