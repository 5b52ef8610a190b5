/** The version of what runs in the browser; a test holds it equal to that of `package.json` and of the Python package. */
export const VERSION = '0.1.0';
