import { ArchiveCsv, ArchiveLineError, csvHeader, decompressZstd, ZstdError } from "../tcpinfo/mod.ts";
import { type Command, complain, Exit, UsageError } from "./command.ts";
import { openInput, readInput } from "./input.ts";
import { LineWriter } from "./line_writer.ts";

export const tcpinfoCsv: Command = {
  name: "csv",
  summary: "an archive of a connection as CSV",
  help: `limier tcpinfo csv [--extra] [FILE|-]

Reads the archive of a connection, and prints a header and a row for each of its records: the 105 columns of M-Lab's
csvtool. A FILE that ends in .zst is decompressed; anything else, and standard input, is JSON lines.

A record that cannot be read, or a file that is cut off, ends it with 1 and a message on standard error; the rows up to
there are printed.

  --extra    more columns behind the 105: what kernels have told since 6.2, the control group, socket options

Examples:
  limier tcpinfo csv host_1700000000_00000000000003E8.00000.jsonl.zst > connection.csv
  zstdcat 2024/02/29/*.jsonl.zst | limier tcpinfo csv --extra`,
  booleans: ["extra"],
  strings: [],
  usageExit: Exit.failed,
  async run(args) {
    if (args._.length > 1) throw new UsageError("Too many command-line arguments.");
    const path = args._[0] ?? "-";
    const csv = new ArchiveCsv({ extra: args.extra });
    const pieces = path.endsWith(".zst") ? decompressZstd(await readInput(path)) : await openInput(path);
    const out = new LineWriter();
    out.line(csvHeader(args.extra));
    let why: string | undefined;
    try {
      for await (const piece of pieces) for (const row of csv.rows(piece)) out.line(row);
      for (const row of csv.end()) out.line(row);
    } catch (error) {
      if (!(error instanceof ArchiveLineError || error instanceof ZstdError)) throw error;
      // Rows of whole lines before the cut are there; half a line behind them is no record.
      why = `${path === "-" ? "standard input" : path}: ${error.message}`;
    }
    out.flush();
    if (csv.blankLines > 0) complain(`Passed over ${csv.blankLines} blank lines`);
    if (why === undefined) return Exit.done;
    complain(why);
    return Exit.failed;
  },
};
