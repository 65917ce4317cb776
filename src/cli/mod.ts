/**
 * The commands of the program.
 *
 * @module
 */
export { type Command, complain, Exit, print, runCommand } from "./command.ts";
export { commands } from "./commands.ts";
export { InputError } from "./input.ts";
