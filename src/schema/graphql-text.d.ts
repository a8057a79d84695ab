// So that TypeScript knows what `import text from "x.graphql" with { type: "text" }` is. Declares nothing else.
declare module "*.graphql" {
  const text: string;
  export default text;
}
