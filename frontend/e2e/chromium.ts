import { randomUUID } from 'node:crypto';
import {
  accessSync,
  constants,
  existsSync,
  mkdirSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { delimiter, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import Packed from '@sparticuz/chromium';

/** How to start the browser of the stories; an argument of Playwright's `launchOptions`. */
export interface Chromium {
  executablePath: string;
  args: string[];
  env?: Record<string, string>;
}

/** Programs in PATH, and Debian's path, which a service's PATH may lack. */
const INSTALLED = ['chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable'];
const DEBIAN = '/usr/bin/chromium';

/** Removed by `npm ci`, so that the files are those of the installed package. */
const UNPACKED = fileURLToPath(new URL('../node_modules/.cache/chromium', import.meta.url));

/**
 * The Chromium that `CHROMIUM` names, otherwise an installed one, otherwise the one of the npm
 * package, which runs on Linux on x86-64.
 *
 * @throws if there is none.
 */
export async function findChromium(): Promise<Chromium> {
  const named = process.env['CHROMIUM'];
  if (named) {
    if (!isProgram(named)) throw new Error(`CHROMIUM=${named} is not a program`);
    return installed(named);
  }
  const folders = (process.env['PATH'] ?? '').split(delimiter);
  const candidates = INSTALLED.flatMap((name) => folders.map((folder) => join(folder, name)));
  const found = [...candidates, DEBIAN].find(isProgram);
  if (found) return installed(found);
  if (process.platform !== 'linux' || process.arch !== 'x64') {
    throw new Error('The stories need Chromium: install it, or set CHROMIUM to its path.');
  }
  return unpacked();
}

function isProgram(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

/** Chromium refuses to start as root with its sandbox. */
function installed(executablePath: string): Chromium {
  return { executablePath, args: process.getuid?.() === 0 ? ['--no-sandbox'] : [] };
}

/**
 * Unpacks the Chromium of the npm package once, in about 5 s. It needs neither libraries nor fonts
 * of the system.
 */
async function unpacked(): Promise<Chromium> {
  if (!existsSync(UNPACKED)) {
    // Renamed when complete: another worker may unpack at the same time, or this one be killed.
    const incomplete = `${UNPACKED}-${randomUUID()}`;
    mkdirSync(incomplete, { recursive: true });
    await unpackInto(incomplete);
    try {
      renameSync(incomplete, UNPACKED);
    } catch (error) {
      rmSync(incomplete, { recursive: true });
      if (!existsSync(UNPACKED)) throw error;
    }
  }
  // With the package's own configuration no font is found outside of /tmp, and then Chromium loads
  // no web font either.
  const fonts = join(UNPACKED, 'fonts.conf');
  writeFileSync(
    fonts,
    `<?xml version="1.0"?>
<!DOCTYPE fontconfig SYSTEM "urn:fontconfig:fonts.dtd">
<fontconfig>
  <dir>${join(UNPACKED, 'fonts')}</dir>
  <dir>/usr/share/fonts</dir>
  <cachedir>${join(UNPACKED, 'font-cache')}</cachedir>
</fontconfig>
`,
  );
  return {
    executablePath: join(UNPACKED, 'chromium'),
    // It has no helper that sets the sandbox up, and not every system lets users do that.
    args: ['--no-sandbox'],
    env: {
      ...definedVariables(),
      FONTCONFIG_FILE: fonts,
      LD_LIBRARY_PATH: join(UNPACKED, 'al2023', 'lib'),
    },
  };
}

/** The package unpacks into the folder for temporary files, and its libraries only in a Lambda. */
async function unpackInto(folder: string): Promise<void> {
  const before = { ...process.env };
  process.env['TMPDIR'] = folder;
  process.env['AWS_EXECUTION_ENV'] = 'AWS_Lambda_nodejs20.x';
  try {
    await Packed.executablePath();
  } finally {
    for (const name of ['TMPDIR', 'AWS_EXECUTION_ENV']) {
      const value = before[name];
      if (value === undefined) Reflect.deleteProperty(process.env, name);
      else process.env[name] = value;
    }
  }
}

function definedVariables(): Record<string, string> {
  const variables = Object.entries(process.env);
  return Object.fromEntries(variables.filter((entry): entry is [string, string] => !!entry[1]));
}
