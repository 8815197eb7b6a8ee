import { expect, test } from "vitest";
import source from "../../../chalicelib/version.py?raw";
import { strings } from "../../src/page/strings";

test("the page shows the version of chalicelib/version.py", () => {
  expect(source).toContain(`VERSION = "${__HOIST_VERSION__}"`);
  expect(strings.version(__HOIST_VERSION__)).toMatch(/^Hoist \d+\.\d+\.\d+$/);
});
