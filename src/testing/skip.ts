/** A test of something that not every host lets it do; where `lacking` says what is missing, it is skipped and says so. */
export function testUnless(lacking: string | undefined, name: string, fn: () => void | Promise<void>): void {
  if (lacking !== undefined) console.log(`skipped: ${name}: ${lacking}`);
  Deno.test({ name, ignore: lacking !== undefined, fn });
}
