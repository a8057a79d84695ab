// ${NAME} and ${NAME:-default} inside strings of config.yaml. Nothing else of the app may read the environment.

const REFERENCE = /\$\{([A-Za-z_][A-Za-z0-9_]*)(?::-([^}]*))?\}/g;

export type EnvironmentVariables = Readonly<Record<string, string | undefined>>;

/**
 * Fills the references in `text`. `typed` is the same, but a text that is one whole reference becomes a number or boolean
 * when its value reads as one, so that `port: "${PORT:-9926}"` is a port. An empty variable counts as unset where there is
 * a default, as in a shell.
 */
export function substituteEnvironment(
  text: string, environment: EnvironmentVariables,
): { text: string; typed: string | number | boolean; missing: string[]; malformed: boolean } {
  const missing: string[] = [];
  const whole = /^\$\{[A-Za-z_][A-Za-z0-9_]*(:-[^}]*)?\}$/.test(text);
  // A name that cannot be one, a brace that is not closed, a reference inside a default: none of them would be filled in.
  const malformed = text.replace(REFERENCE, (_, __: string, fallback = "") => fallback as string).includes("${");
  const filled = text.replace(REFERENCE, (_, name: string, fallback: string | undefined) => {
    const set = environment[name];
    if (set !== undefined && (set !== "" || fallback === undefined)) return set;
    if (fallback === undefined) missing.push(name);
    return fallback ?? "";
  });
  return { text: filled, typed: whole ? scalarOf(filled) : filled, missing, malformed };
}

function scalarOf(text: string): string | number | boolean {
  if (text === "true" || text === "false") return text === "true";
  return /^-?(0|[1-9][0-9]{0,14})$/.test(text) ? Number(text) : text;
}
