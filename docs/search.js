// Finds sections of the site that have every word of ?q=, and those with the words in their title first. scripts/docs-index
// writes `sections`: [title, page, address, text].
const idle = new Set('a an and any are be can do does for from get give how i if in is it me my of on or set the there to use what when where which who with'.split(' '));

const stem = word => word.replace(/(?:ation|ing|led|ling|ed|es|s)$/, '').replace(/(.)\1$/, '$1').replace(/e$/, '');

function wordsOf(text) {
  const words = text.toLowerCase().match(/[a-z0-9_]+/g) || [];
  return words.flatMap(word => word.includes('_') ? [word, ...word.split('_')] : [word]).filter(word => word).map(stem);
}

function search(query) {
  const asked = (query.toLowerCase().match(/[a-z0-9_]+/g) || []).filter(word => !idle.has(word)).map(stem);
  if (asked.length === 0) return [];
  const found = [];
  for (const [title, page, address, text] of sections) {
    const titled = wordsOf(title), written = wordsOf(text);
    let score = 0;
    for (const word of asked) {
      const begins = other => other.startsWith(word);
      const here = (titled.some(begins) ? (title === page ? 30 : 20) : 0) + Math.min(written.filter(begins).length, 5);
      if (here === 0) { score = 0; break; }
      score += here;
    }
    if (score > 0) found.push({ score, title, page, address, text });
  }
  return found.sort((a, b) => b.score - a.score).slice(0, 30);
}

// Some words around the first that was asked for.
function excerpt(text, query) {
  const first = (query.toLowerCase().match(/[a-z0-9_]+/g) || []).find(word => !idle.has(word)) || '';
  const at = Math.max(0, text.toLowerCase().indexOf(stem(first)) - 60);
  return (at > 0 ? '… ' : '') + text.slice(at, at + 180).trim() + (at + 180 < text.length ? ' …' : '');
}

const query = new URLSearchParams(location.search).get('q') || '';
document.querySelector('#search input').value = query;
const results = search(query);
document.getElementById('search-none').hidden = query === '' || results.length > 0;
for (const { title, page, address, text } of results) {
  const item = document.createElement('li'), link = document.createElement('a'), words = document.createElement('div');
  link.href = address;
  link.textContent = title === page ? title : `${title} (${page})`;
  words.textContent = excerpt(text, query);
  item.append(link, words);
  document.getElementById('search-found').append(item);
}
