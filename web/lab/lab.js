// The lab of this document, with the document's address.

import { ScorefieldError } from '../api/errors.js';
import { LabPage } from './view.js';

// This script does not wait for the page's first picture, but for its elements.
if (document.readyState === 'loading') await new Promise((then) => document.addEventListener('DOMContentLoaded', then));

const address = {
  base: location.href.replace(/[?#].*/, ''),
  read: () => location.search,
  write(query) {
    try {
      history.replaceState(history.state, '', `${location.pathname}${query}${location.hash}`);
    } catch {
      // A sandboxed document has no address of its own, and browsers limit how often it changes: a page works without.
    }
  },
};

const page = new LabPage(document.querySelector('#lab'), { address, scope: document });
page.start().catch((error) => page.message.show(ScorefieldError.from(error)));
