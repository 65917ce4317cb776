/** The paths of all files below a directory, in order. */
export async function walkFiles(directory: string): Promise<string[]> {
  const paths: string[] = [];
  for await (const { name, isDirectory } of Deno.readDir(directory)) {
    if (isDirectory) paths.push(...await walkFiles(`${directory}/${name}`));
    else paths.push(`${directory}/${name}`);
  }
  return paths.sort();
}
