"""Kinds of mesh files, by the ends of their names in lower case."""

__all__ = ["FORMATS", "NOT_READ"]

FORMATS = {".glb": "GLB", ".obj": "OBJ", ".off": "OFF", ".ply": "PLY", ".stl": "STL"}
"""Suffix -> name of a format that is read."""

NOT_READ = frozenset(
    [
        *(
            ".3dm",
            ".3ds",
            ".3mf",
            ".abc",
            ".blend",
            ".brep",
            ".ctm",
            ".dae",
            ".dxf",
            ".fbx",
            ".gltf",
            ".iges",
        ),
        *(".igs", ".lwo", ".msh", ".pcd", ".sldprt", ".step", ".stp", ".usd", ".usda", ".usdc", ".usdz"),
        *(".vrml", ".vtk", ".vtp", ".wrl", ".x3d", ".xyz"),
    ]
)
"""Suffixes of shapes that have to be converted first."""
