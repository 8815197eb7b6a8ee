// Runs before every test file.
// @ts-expect-error: the project has no types of Node, because the page does not run there.
import { setMaxListeners } from "node:events";

// A file is sent over twelve connections, and each listens to the abort signal of the file. From the eleventh listener on
// Node warns of a leak; a real leak would soon exceed this limit too.
setMaxListeners(50);
