import { print } from "./command.ts";

/** Writes lines to standard output, many in one write. */
export class LineWriter {
  #lines: string[] = [];
  #length = 0;

  line(line: string): void {
    this.#lines.push(line);
    this.#length += line.length;
    if (this.#length > 65_536) this.flush();
  }

  flush(): void {
    if (this.#lines.length === 0) return;
    print(this.#lines.join("\n"));
    this.#lines = [];
    this.#length = 0;
  }
}
