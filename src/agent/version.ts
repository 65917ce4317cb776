/** The program's version; the release workflow checks that it is the tag's. */
export const VERSION = "0.1.0";

/** When the binary was built; "" when the program runs from source. */
export const BUILD_DATE: string = Deno.env.get("LIMIER_BUILD_DATE") ?? "";
