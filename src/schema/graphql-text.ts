// So that TypeScript knows what `import text from "x.graphql" with { type: "text" }` is. A declaration only: it must stay no module.
declare module "*.graphql" {
  const text: string;
  export default text;
}
