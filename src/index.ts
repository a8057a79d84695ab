// The public face for app authors: what `import ... from "ambit"` gives in resources.ts. The only barrel.
export { endpoints, fallbacks, fetched, jobs, migrations, sources, Table, tools } from "./resources/app-api.ts";
