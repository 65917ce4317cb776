/**
 * The commands of the program.
 *
 * @module
 */
export { type Command, complain, Exit, print, readArgs, UsageError } from "./command.ts";
export { commands } from "./commands.ts";
export { InputError } from "./input.ts";
