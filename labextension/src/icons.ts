/** The extension's icon. */

import { LabIcon } from '@jupyterlab/ui-components';

/** An arrow that leaves a cell upwards. */
export const deployIcon = new LabIcon({
  name: 'jupyterlab-deploy:deploy',
  svgstr: `<svg xmlns="http://www.w3.org/2000/svg" width="16" viewBox="0 0 24 24">
  <g class="jp-icon3" fill="#616161">
    <path d="M12 3 6 9.5h4V16h4V9.500h4z"/>
    <path d="M4 14v5a2 2 0 0 0 2 2h12a2 2 0 0 0 2-2v-5h-2v5H6v-5z"/>
  </g>
</svg>`
});
