/** The program's version; the release workflow checks that it is the tag's. */
export const VERSION = "0.1.0";

/** When the binary was built, as its build put it into the environment; "" when the program runs from source. */
export function buildDate(): string {
  return Deno.env.get("LIMIER_BUILD_DATE") ?? "";
}
