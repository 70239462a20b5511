"""The filters by which MOSES's molecules were chosen: what a chemist who looks for a drug would not take on.

Polykovskiy et al. 2020, arXiv:1811.12823, section 4: no charge, only C, N, S, O, F, Cl, Br and H, no ring of eight
atoms or more, none of its medicinal chemistry filters, none of PAINS (Baell & Holloway 2010, "New Substructure Filters
for Removal of Pan Assay Interference Compounds"). PAINS are RDKit's. The other patterns are written anew from what
MOSES's forbid, with hydrogens counted in place of drawn; three of its 22 draw aromatic rings by single and double
bonds, which RDKit never finds, and are left out. `benchmarks/moses_agreement.py` compares with MOSES's own answers."""

from __future__ import annotations

from functools import cache
from typing import Any

from reverie.kinds.molecule.properties import mol

ELEMENTS = frozenset({"C", "N", "S", "O", "F", "Cl", "Br", "H"})
RING = 8  # atoms of a ring, from which on it is too large
ALERTS = {
    "vinyl nitrile": "[#6]=!@[#6]-C#N",
    "vinyl sulfone": "[#6]=!@[#6]-S(=O)=O",
    "acrylamide": "[#6]=!@[#6;!H0]-!@[#6](=O)-!@[#7]",
    "primary alkyl halide": "[CH2]([#6])[F,Cl,Br,I]",
    "epoxide": "C1OC1",
    "isocyanate": "[#6]-N=C=O",
    "aldehyde or formyl": "[#6;!H0]=O",
    "imine with hydrogen": "[#6](=!@[#7;!H0])-!@[#6,#7,#8,#16]",
    "aziridine": "C1NC1",
    "open hydrazine or azo": "[#6]~!@[#7]~!@[#7]~!@[#6]",
    "open nitrogen double bond": "N=!@N",
    "halide beside an aromatic heteroatom": "[Cl,Br,I]-c:[!#1;!#6;a]",
    "two sulfurs": "[#16]~[#16]",
    "three nitrogens": "[#7]~!@[#7]~!@[#7]",
    "aminal": "[#7]-!@[#6;!H0;!H1]-!@[#7]",
    "acetal": "[#6;!H0](-!@[#8])-!@[#8]",
}
HALOGENS = {"Br": 3, "Cl": 4, "F": 7}  # so many atoms of one element are too many


@cache
def patterns() -> tuple[Any, ...]:
    from rdkit import Chem

    return tuple(Chem.MolFromSmarts(alert) for alert in ALERTS.values())


@cache
def pains() -> Any:
    from rdkit.Chem.FilterCatalog import FilterCatalog, FilterCatalogParams

    chosen = FilterCatalogParams()
    chosen.AddCatalog(FilterCatalogParams.FilterCatalogs.PAINS)
    return FilterCatalog(chosen)


def passes(smiles: str) -> bool:
    """Does a molecule pass them all? False of what is no molecule. The quick ones first."""
    molecule = mol(smiles)
    return molecule is not None and plain(molecule) and not any(map(molecule.HasSubstructMatch, patterns())) and not (
        pains().HasMatch(molecule)
    )  # fmt: skip


def plain(molecule: Any) -> bool:
    """Of the elements that are allowed, without charges, large rings and many halogens."""
    symbols = [atom.GetSymbol() for atom in molecule.GetAtoms()]
    if not ELEMENTS.issuperset(symbols) or any(symbols.count(name) >= most for name, most in HALOGENS.items()):
        return False
    if any(atom.GetFormalCharge() for atom in molecule.GetAtoms()):
        return False
    return all(len(ring) < RING for ring in molecule.GetRingInfo().AtomRings())
