// The texts that `ambit init` writes. A test starts the app that they make.

export const schemaFile = `"""A task on somebody's list."""
type Task @table @export
  @allow(to: ["authenticated"], do: [READ, CREATE, UPDATE, DELETE], where: "record.owner == auth.subject")
{
  id: ID! @primaryKey
  owner: ID! @createdBy @indexed
  title: String! @length(min: 1, max: 200)
  done: Boolean! @default(value: false)
  doneAt: DateTime @readOnly
  createdAt: DateTime! @createdTime

  """Marks it as done, once."""
  finish: Task! @action @allow(to: ["authenticated"], where: "record.owner == auth.subject")
}

type Endpoints {
  """How many tasks the caller still has to do."""
  open: Int! @http(method: GET, path: "/open") @allow(to: ["authenticated"])
}
`;

export const configFile = `# Optional; merged over defaults. Strings may hold \${NAME} or \${NAME:-default} from the environment.
http: { port: 9926 }
# Bearer tokens for services and tests:
# auth: { keys: [{ token: "\${SERVICE_KEY}", subject: service, roles: [service] }] }
`;

export const resourcesFile = `/// <reference path="./.ambit/types.d.ts" />
import { Table, endpoints } from "ambit";

export class Task extends Table("Task") {
  async finish() {
    if (this.done) throw this.ctx.error(409, "ALREADY_DONE", "This task is done.");
    return this.update({ done: true, doneAt: this.ctx.now().toISOString() });
  }
}

export const Endpoints = endpoints({
  async open(ctx) {
    return ctx.db.Task.count({ done: false });
  },
});
`;

export const agentsFile = `This app runs on Ambit. Three files are the whole app: \`schema.graphql\` (tables, access rules, callables), \`config.yaml\` (settings) and \`resources.ts\` (bodies of the declared
callables). Everything else is derived. Nothing is readable or writable unless an \`@allow\` says so. Read \`docs/INDEX.md\` of Ambit first (\`node_modules/ambit/docs/INDEX.md\` where it is installed); it is short.
Work in this loop: edit, \`npx ambit check --json\` (all problems with fixes, under a second), \`npx ambit test\`, \`npx ambit call METHOD PATH [BODY] --as USER --role ROLE\`
against \`npx ambit dev\`. \`npx ambit explain CODE\` shows the page of an error.
Judgement by a language model is a field of \`type Decisions\`, within bounds (\`docs/decisions.md\`): in tests \`app.model\` says what the model answers; \`npx ambit decisions\` and
\`npx ambit trace RUN\` show what became of it. Secrets come from the environment, by \`\${NAME}\` in \`config.yaml\`, and stand in no file.
`;
